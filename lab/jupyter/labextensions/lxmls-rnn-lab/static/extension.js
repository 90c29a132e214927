// Extension of JupyterLab in plain JavaScript, as its loader expects it after a build: no build is needed.
(() => {
  const LOST = "This panel could not be loaded from the kernel. Run this cell again: saved runs and answers are still " +
    "there. While the kernel is busy, wait: the panel appears when the kernel is idle.";
  const FAILURES = ["Loading widget...", "Error displaying widget: model not found", LOST];
  const LOADING_SECONDS = 8; // before the advice is shown
  const QUIET_SECONDS = 1; // without another panel, before a notebook is saved

  let modules; // of JupyterLab and its extensions, by name and version

  // The module of a package of JupyterLab.
  async function shared(name) {
    const [{ get }] = Object.values(modules[name]);
    return (await get())();
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

  // A reload shows what the notebook's file holds, and JupyterLab saves that every two minutes: save when cells that show a panel
  // have run. Once for all of them, as JupyterLab damages a notebook that it saves twice at once.
  function saveShownPanels(notebooks, NotebookActions) {
    const timers = new WeakMap();
    NotebookActions.executed.connect((_, { notebook, cell: { model } }) => {
      const context = notebooks.find(({ content }) => content === notebook)?.context;
      const outputs = model.outputs?.toJSON() ?? [];
      const shows = outputs.some(({ data }) => data?.["application/vnd.jupyter.widget-view+json"]);
      if (!shows || !context?.contentsModel?.writable) return;
      clearTimeout(timers.get(context));
      timers.set(context, setTimeout(() => context.isDisposed || context.save(), 1000 * QUIET_SECONDS));
    });
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
        if (output.node.contains(place)) area.model.set(n, area.model.get(n).toJSON()); // which renders it anew
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
        else if (failure < 2 && (failure || Date.now() - since.get(place) > 1000 * LOADING_SECONDS)) place.textContent = LOST;
      }
    }, 1000);
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
      keepRuns(app);
      explainLostPanels(app);
      saveShownPanels(notebooks, NotebookActions);
      const follow = ({ context, content }) => markLostPanels(context, content);
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
