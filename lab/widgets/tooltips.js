// Called when a control is shown, see panels.css. ipywidgets gives no tooltip to a list, a text field or a checkbox that has a
// label, and no name to the handle of a slider and to the buttons of Play. Screen readers read a title too.
window.labTooltips ||= (window.addEventListener('animationstart', ({ animationName, target }) => {
  if (animationName !== 'lab-shown') return;
  const tip = decodeURIComponent(/lab-tip-(\S+)/.exec(target.className)?.[1] ?? '');
  for (const part of target.querySelectorAll('label, input, select, textarea, .noUi-handle')) part.title = tip;
  for (const handle of target.querySelectorAll('.noUi-handle')) handle.ariaLabel = target.querySelector('label').textContent;
  if (target.matches('.widget-play')) ['Play or pause', 'Stop', 'Repeat'].forEach((name, n) => { target.children[n].title = name; });
}), true);
