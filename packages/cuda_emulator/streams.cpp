/* What the device has still to do, by streams, and events that order it.
 *
 * When the call of a launch or copy returns, the work only stands here. It is done as late as it can be: when the host
 * waits for it, or for something that comes after it. EMULATED_SEED lets it be done at any call before, too. Streams go
 * on in any order that events and the default stream allow. */
#include <algorithm>
#include <deque>
#include <vector>

#include "context.h"
#include "device.h"

struct Event {
  std::shared_ptr<Stream> stream; /* where it was recorded the last time */
  long recorded, done;            /* how often */
};

struct Operation {
  std::function<void()> work;
  std::shared_ptr<Event> awaited; /* or NULL; then how often it must have been done */
  long times;
  size_t number; /* of all, in the order of calls */
};

struct Stream {
  bool with_default; /* waits for the default stream, which waits for it */
  std::deque<Operation> operations;
};

static Handles<Stream> streams; /* with the default one */
static Handles<Event> events;

static const std::shared_ptr<Stream> &default_stream() {
  static const auto it = std::make_shared<Stream>(Stream{true, {}});
  if (streams.all.empty()) streams.all[NULL] = it;
  return it;
}

extern "C" { long emulated_waits; }

void count_wait() {
  static long seen;
  const long work = emulated_launches + emulated_products + emulated_to_device + emulated_to_host;
  emulated_waits += work != seen;
  seen = work;
}

std::mt19937_64 *series() {
  static std::string seed;
  static std::mt19937_64 numbers;
  const char *text = getenv("EMULATED_SEED");
  if (text == NULL || *text == 0) return NULL;
  if (seed != text) numbers.seed(strtoul((seed = text).c_str(), NULL, 10));
  return &numbers;
}

std::shared_ptr<Stream> stream_of(void *handle) { return handle ? streams.find(handle) : default_stream(); }

static void put(const std::shared_ptr<Stream> &stream, std::function<void()> work, std::shared_ptr<Event> awaited) {
  static size_t number;
  stream->operations.push_back({std::move(work), awaited, awaited ? awaited->recorded : 0, number++});
}
void enqueue(const std::shared_ptr<Stream> &stream, std::function<void()> work) {
  put(stream, std::move(work), nullptr);
}

static bool is_ready(const Stream &stream) {
  if (stream.operations.empty()) return false;
  const Operation &first = stream.operations.front();
  if (first.awaited && first.awaited->done < first.times) return false;
  const auto comes_before = [&](const Stream &other) {
    return !other.operations.empty() && other.operations.front().number < first.number;
  };
  if (&stream != default_stream().get()) return !(stream.with_default && comes_before(*default_stream()));
  return std::none_of(streams.all.begin(), streams.all.end(),
                      [&](const auto &entry) { return entry.second->with_default && comes_before(*entry.second); });
}

/* Let a stream do the next that it has to do, if it may. */
static bool step(Stream &stream) {
  if (!is_ready(stream)) return false;
  const Operation first = std::move(stream.operations.front());
  stream.operations.pop_front();
  if (first.work && !is_dead()) first.work();
  return true;
}

static bool step_any() {
  std::vector<std::shared_ptr<Stream>> order;
  for (const auto &[handle, stream] : streams.all) order.push_back(stream);
  if (series()) std::shuffle(order.begin(), order.end(), *series());
  return std::any_of(order.begin(), order.end(), [](const auto &stream) { return step(*stream); });
}

void finish(const std::shared_ptr<Stream> &stream) {
  while (!stream->operations.empty() && (step(*stream) || step_any())) {}
}

void finish_all() {
  while (step_any()) {}
}

void go_on() {
  if (series() == NULL || (*series())() % 4 != 0) return;
  for (int n = (*series())() % 4; n > 0; n--) step_any();
}

void forget_streams() {
  streams.all.clear();
  events.all.clear();
}

extern "C" {

int cuStreamCreate(Stream **stream, unsigned flags) {
  ENTER(CONTEXT);
  default_stream();
  return streams.add(stream, std::make_shared<Stream>(Stream{flags == 0, {}})); /* 1: CU_STREAM_NON_BLOCKING */
}
int cuStreamDestroy_v2(void *handle) {
  ENTER(CONTEXT);
  FIND(stream, streams, handle);
  finish(stream);
  streams.all.erase(handle);
  return OK;
}
int cuStreamSynchronize(void *handle) {
  ENTER(CONTEXT);
  const auto stream = stream_of(handle);
  if (stream == nullptr) return failed(INVALID_HANDLE, "no such stream");
  if (handle == NULL) enqueue(stream, nullptr); /* other streams come before it */
  count_wait();
  finish(stream);
  return outcome();
}
int cuStreamWaitEvent(void *handle, void *event_handle, unsigned) {
  ENTER(CONTEXT);
  const auto stream = stream_of(handle);
  if (stream == nullptr) return failed(INVALID_HANDLE, "no such stream");
  FIND(event, events, event_handle);
  put(stream, nullptr, event);
  return OK;
}

int cuEventCreate(Event **event, unsigned) {
  ENTER(CONTEXT);
  return events.add(event, std::make_shared<Event>());
}
int cuEventDestroy_v2(void *handle) {
  ENTER(CONTEXT);
  FIND(event, events, handle);
  events.all.erase(handle);
  return OK;
}
int cuEventRecord(void *handle, void *stream_handle) {
  ENTER(CONTEXT);
  FIND(event, events, handle);
  const auto stream = stream_of(stream_handle);
  if (stream == nullptr) return failed(INVALID_HANDLE, "no such stream");
  event->stream = stream;
  const long times = ++event->recorded;
  enqueue(stream, [event = event, times] { event->done = std::max(event->done, times); });
  return OK;
}
int cuEventSynchronize(void *handle) {
  ENTER(CONTEXT);
  FIND(event, events, handle);
  count_wait();
  while (event->done < event->recorded && (step(*event->stream) || step_any())) {}
  return outcome();
}
}
