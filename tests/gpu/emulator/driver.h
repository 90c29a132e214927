/* What the compiler hands to the driver in the place of a cubin: this, then a shared library of `size` bytes. */
#include <string.h>

#include <string>

struct Image {
  char mark[8];
  size_t size;
};

static const char MARK[8] = "emulat.";

inline std::string image_of(const std::string &library) {
  Image image;
  memcpy(image.mark, MARK, sizeof MARK);
  image.size = library.size();
  return std::string(reinterpret_cast<char *>(&image), sizeof image) + library;
}
