// ipywidgets gives no tooltip to a list, a text field or a checkbox that has a label, and no name to the handle of a slider and
// to the buttons of Play. Screen readers read a title too. The animation in panels.css reports each control that is shown.
window.labTooltips ||= (() => {
  const describe = control => {
    const tip = decodeURIComponent(/lab-tip-(\S+)/.exec(control.className)?.[1] ?? '');
    for (const part of control.querySelectorAll('label, input, select, textarea, .noUi-handle')) part.title = tip;
    for (const handle of control.querySelectorAll('.noUi-handle')) handle.ariaLabel = control.querySelector('label').textContent;
    if (control.matches('.widget-play')) ['Play or pause', 'Stop', 'Repeat'].forEach((name, n) => { control.children[n].title = name; });
  };
  window.addEventListener('animationstart', event => event.animationName === 'lab-shown' && describe(event.target), true);
  document.querySelectorAll('.lab-panel :is([class*="lab-tip-"], .widget-play)').forEach(describe); // shown before this script ran
  return true;
})();
