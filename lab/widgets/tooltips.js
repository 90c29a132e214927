// ipywidgets gives no tooltip to a list, a text field or a checkbox that has a label, and no name to the handle of a slider and
// to the buttons of Play. Screen readers read a title too. The animation in panels.css reports each control and cell that is shown.
window.labTooltips ||= (() => {
  const describe = control => {
    const tip = decodeURIComponent(/lab-tip-(\S+)/.exec(control.className)?.[1] ?? '');
    for (const part of control.querySelectorAll('label, input, select, textarea, .noUi-handle')) part.title = tip;
    for (const handle of control.querySelectorAll('.noUi-handle')) handle.ariaLabel = control.querySelector('label').textContent;
    if (control.matches('.widget-play')) ['Play or pause', 'Stop', 'Repeat'].forEach((name, n) => { control.children[n].title = name; });
  };
  // Scroll a matrix sideways until its first marked cell is seen, beside the names of the rows, which do not move.
  const reveal = cell => {
    const box = cell.closest('.lab-scroll, .lab-side > *'), { left, right } = cell.getBoundingClientRect();
    if (!box || cell !== box.querySelector('td.lab-marked')) return;
    const names = cell.parentElement.querySelector('th')?.offsetWidth ?? 0, edge = box.getBoundingClientRect();
    if (left < edge.left + names || right > edge.right) box.scrollLeft += (left + right - edge.left - names - edge.right) / 2;
  };
  const shown = part => (part.matches('td') ? reveal : describe)(part);
  window.addEventListener('animationstart', event => event.animationName === 'lab-shown' && shown(event.target), true);
  document.querySelectorAll('.lab-panel :is([class*="lab-tip-"], .widget-play, td.lab-marked)').forEach(shown); // shown before this script ran
  return true;
})();
