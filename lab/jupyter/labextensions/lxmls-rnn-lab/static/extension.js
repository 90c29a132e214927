// Extension of JupyterLab in plain JavaScript, as its loader expects it after a build: no build is needed.
(() => {
  const LOST = "This panel could not be loaded from the kernel. Run this cell again: saved runs and answers are still " +
    "there. While the kernel is busy, wait: the panel appears when the kernel is idle.";
  const FAILURES = ["Loading widget...", "Error displaying widget: model not found", LOST];
  const RESTORE_MILLISECONDS = 60000;
  const SECONDS = 8; // of loading before the kernel is asked again, or the advice is shown

  let modules; // of JupyterLab and its extensions, by name and version

  // The module of a package of JupyterLab.
  async function shared(name) {
    const [{ get }] = Object.values(modules[name]);
    return (await get())();
  }

  // After a reload, ipywidgets gives the kernel 4 s to send the state of all widgets. A page that loads several notebooks
  // takes longer to read the answer. ipywidgets then asks for each widget on its own, thousands of messages of which the
  // kernel's output channel drops some, and waits forever for those.
  function allowSlowRestore() {
    const plain = window.setTimeout;
    window.setTimeout = (action, delay, ...rest) => {
      const restores = delay === 4000 && String(action).includes("Control comm did not respond in time");
      return plain(action, restores ? RESTORE_MILLISECONDS : delay, ...rest);
    };
  }

  // JupyterLab drops cells that are run before the notebook has a kernel.
  function keepRuns(app) {
    const waiting = new Set();
    app.commands.commandExecuted.connect(async (_, { id }) => {
      if (!/^notebook:run-/.test(id)) return;
      const panel = app.shell.currentWidget;
      const session = panel?.context?.sessionContext;
      if (!session || session.isReady || session.session?.kernel || waiting.has(panel)) return;
      const all = id === "notebook:run-all-cells";
      const then = all ? "all cells run as soon as it is ready." : "nothing has run yet. Run the cell again in a moment.";
      const message = `The kernel is starting: ${then}`;
      app.commands.execute("apputils:notify", { message, type: "info", options: { autoClose: 8000 } });
      if (!all) return;
      waiting.add(panel);
      await session.ready;
      waiting.delete(panel);
      if (panel.isDisposed) return;
      app.shell.activateById(panel.id);
      app.commands.execute(id);
    });
  }

  // JupyterLab takes a notebook for saved that changed while it was saved, and saves one twice at once: the second finds the file
  // of the first, and says that it "has changed on disk". Save in turn; what waits for its turn saves for all that ask meanwhile.
  function saveInTurn(context) {
    const save = context.save.bind(context);
    let last = Promise.resolve();
    let waiting;
    const takeTurn = async () => {
      await last.catch(() => {}); // told to whoever asked for it
      waiting = null;
      if (!context.isDisposed) await (last = save());
    };
    context.save = () => (waiting ??= takeTurn());
    let changed;
    context.model.contentChanged.connect(() => (changed = true));
    context.saveState.connect((_, state) => {
      if (state === "started") changed = false;
      if (state === "completed" && changed) context.model.dirty = true;
    });
  }

  // A reload shows what the notebook's file holds, and JupyterLab saves that every two minutes: save when a cell that shows a
  // panel has run and has its number.
  function saveShownPanels(notebooks, NotebookActions) {
    NotebookActions.executed.connect((_, { notebook, cell: { model } }) => {
      const context = notebooks.find(({ content }) => content === notebook)?.context;
      const outputs = model.outputs?.toJSON() ?? [];
      const shows = outputs.some(({ data }) => data?.["application/vnd.jupyter.widget-view+json"]);
      if (shows && context?.contentsModel?.writable) context.save();
    });
  }

  // ipywidgets sends no second text of a field before the kernel has handled the first, and a press would overtake it. A press
  // waits until what was typed before is handled, as its panel shows, which meanwhile takes no press and no text.
  function keepPresses({ sessionContext }, { node }) {
    const sent = new Set(); // messages of widgets that are not handled
    const presses = new Set(); // that wait: for which of these, and whether the texts that were held back are among them
    const handled = (id) => {
      sent.delete(id);
      for (const press of presses) {
        if (!press.awaited.delete(id) || press.awaited.size) continue;
        if (!press.isLast && sent.size) Object.assign(press, { awaited: new Set(sent), isLast: true });
        else {
          presses.delete(press);
          wait(press, false);
          press.button.focus({ preventScroll: true }); // which it lost meanwhile
          press.button.click();
        }
      }
    };
    const wait = ({ panel }, waits) => {
      panel.classList.toggle("lab-waits", waits);
      panel.inert = waits;
    };
    const follow = (session) => session?.anyMessage.connect((_, { direction, msg: { header } }) => {
      if (direction === "send" && header.msg_type === "comm_msg") sent.add(header.msg_id);
    });
    follow(sessionContext.session);
    sessionContext.sessionChanged.connect((_, { newValue }) => follow(newValue));
    sessionContext.iopubMessage.connect((_, { content, parent_header: { msg_id: request } }) => {
      if (content.execution_state === "idle") handled(request);
    });
    const giveUp = (_, status) => /restarting|dead|terminating|connecting|disconnected/.test(status) && [...sent].forEach(handled);
    sessionContext.statusChanged.connect(giveUp);
    sessionContext.connectionStatusChanged.connect(giveUp); // what was said meanwhile may be lost
    node.addEventListener("click", (event) => {
      const button = event.target.closest(".lab-panel .jupyter-button");
      if (!button || !sent.size) return;
      event.stopImmediatePropagation();
      const press = { button, panel: button.closest(".lab-panel"), awaited: new Set(sent), isLast: false };
      presses.add(press);
      wait(press, true);
    }, true);
  }

  // A kernel that is idle, and has not sent the state of all widgets, will not: ask it again, unless it has closed the comm, as
  // one without widgets does.
  function askAgain({ sessionContext }) {
    let asked; // the last request that is not answered
    const follow = (session) => session?.anyMessage.connect((_, { direction, msg }) => {
      const method = msg.content?.data?.method;
      const isClosed = msg.header.msg_type === "comm_close" && msg.content.comm_id === asked?.content.comm_id;
      if (method === "update_states" || isClosed) asked = null;
      if (direction !== "send" || method !== "request_states") return;
      asked = msg;
      const wait = () => setTimeout(() => {
        if (asked !== msg || session.isDisposed) return;
        if (session.kernel?.status !== "idle") wait();
        else session.kernel.sendShellMessage({ ...msg, header: { ...msg.header, msg_id: `${msg.header.msg_id}-again` } });
      }, 1000 * SECONDS);
      wait();
    });
    follow(sessionContext.session);
    sessionContext.sessionChanged.connect((_, { newValue }) => follow(newValue));
  }

  // ipywidgets marks the panels of a kernel that the user restarts; mark those of one that dies, is shut down or replaced.
  function markLostPanels({ sessionContext }, content) {
    const mark = () => {
      for (const { outputArea } of content.widgets ?? [])
        for (const panel of outputArea?.node.querySelectorAll(".lab-panel") ?? []) panel.classList.add("jupyter-widgets-disconnected");
    };
    sessionContext.kernelChanged.connect((_, { oldValue }) => oldValue && mark());
    sessionContext.statusChanged.connect((_, status) => /^(autorestarting|dead|terminating)$/.test(status) && mark());
  }

  // While the page creates the widgets of a reloaded notebook, ipywidgets may give up a widget without a last look. Ask it again.
  function renderAgain(app, place) {
    for (const { content } of app.shell.widgets("main")) {
      const area = content?.widgets?.find((cell) => cell.outputArea?.node.contains(place))?.outputArea;
      area?.widgets.forEach((output, n) => {
        const renderer = [...output.children()].find((part) => part.node === place);
        if (renderer?.renderModel) renderer.renderModel(area.model.get(n));
      });
    }
  }

  // ipywidgets leaves "Loading widget..." or its own error in the place of a widget that it cannot restore.
  function explainLostPanels(app) {
    const since = new WeakMap();
    const again = new WeakSet();
    setInterval(() => {
      for (const place of document.querySelectorAll(".jp-OutputArea-output:not([data-mime-type])")) {
        const failure = FAILURES.indexOf(place.textContent);
        if (failure < 0) since.delete(place);
        else if (failure === 1 && !again.has(place)) {
          again.add(place);
          place.classList.remove("jupyter-widgets");
          renderAgain(app, place);
        } else if (!since.has(place)) since.set(place, Date.now());
        else if (failure < 2 && (failure || Date.now() - since.get(place) > 1000 * SECONDS)) place.textContent = LOST;
      }
    }, 1000);
  }

  // After a reload, bqplot also draws the figures of notebooks in other tabs: without a size, so its margins make a negative one,
  // of which the browser complains. It draws them again when they are shown.
  function allowHiddenFigures() {
    SVGRectElement.prototype.setAttribute = function (name, value) {
      Element.prototype.setAttribute.call(this, name, /^(width|height)$/.test(name) && value < 0 ? 0 : value);
    };
  }

  // A page of the documentation, such as gpu.md#pygpu, opens in a tab: by the Help menu, or by a link to ../../docs/gpu.md#pygpu,
  // of which JupyterLab makes one to a file.
  function openDocumentation(app, helpMenu, MainAreaWidget, IFrame) {
    const command = "lxmls-rnn-lab:documentation";
    let tab;
    const execute = ({ page = "README.md" }) => {
      if (!tab || tab.isDisposed) {
        const content = new IFrame();
        content.node.querySelector("iframe").removeAttribute("sandbox"); // these pages are the lab's own
        tab = Object.assign(new MainAreaWidget({ content }), { id: command });
        Object.assign(tab.title, { label: "Documentation", closable: true });
        app.shell.add(tab, "main");
      }
      tab.content.url = `${app.serviceManager.serverSettings.baseUrl}docs/${page}`;
      app.shell.activateById(command);
    };
    app.commands.addCommand(command, { label: "Documentation of the Lab", execute });
    helpMenu.addGroup([{ command }], -1);
    document.addEventListener("click", (event) => {
      const link = event.target.closest("a")?.getAttribute("href");
      const found = /(?:^\.\.\/\.\.|\/files)\/docs\/([\w-]+\.md)(?:\?[^#]*)?(#.*)?$/.exec(link);
      if (!found) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      execute({ page: found[1] + (found[2] ?? "") });
    }, true);
  }

  const plugin = ({ INotebookTracker, NotebookActions }, { IMainMenu }, { MainAreaWidget }, { IFrame }) => ({
    id: "lxmls-rnn-lab:plugin",
    autoStart: true,
    requires: [INotebookTracker, IMainMenu],
    activate: (app, notebooks, { helpMenu }) => {
      openDocumentation(app, helpMenu, MainAreaWidget, IFrame);
      allowSlowRestore();
      allowHiddenFigures();
      keepRuns(app);
      explainLostPanels(app);
      saveShownPanels(notebooks, NotebookActions);
      const follow = ({ context, content }) => {
        for (const action of [saveInTurn, keepPresses, askAgain, markLostPanels]) action(context, content);
      };
      notebooks.forEach(follow);
      notebooks.widgetAdded.connect((_, notebook) => follow(notebook));
    },
  });
  const init = (found) => (modules = found);
  const get = async () => {
    const used = ["notebook", "mainmenu", "apputils", "ui-components"].map((name) => shared(`@jupyterlab/${name}`));
    const made = { default: plugin(...(await Promise.all(used))), __esModule: true };
    return () => made;
  };
  (window._JUPYTERLAB ||= {})["lxmls-rnn-lab"] = { init, get };
})();
