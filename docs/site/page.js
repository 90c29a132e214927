// For screen readers and the keyboard: what the theme's elements lack. In the lab's frame: JupyterLab's theme.
addEventListener("DOMContentLoaded", () => {
    for (const caption of document.querySelectorAll(".caption[role=heading]")) caption.ariaLevel = 2;
    for (const [place, name] of [[".sidebar-drawer", "Pages"], [".toc-drawer", "On this page"]])
        document.querySelector(place)?.setAttribute("aria-label", name);
    for (const block of document.querySelectorAll("pre, .table-wrapper"))
        if (block.scrollWidth > block.clientWidth) block.tabIndex = 0;
    const light = window.frameElement?.ownerDocument.body.dataset.jpThemeLight;
    if (light) document.body.dataset.theme = light === "true" ? "light" : "dark";
});
