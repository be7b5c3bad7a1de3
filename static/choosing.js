// What choice boxes of records offer beyond the search: what this person chose last comes first, and a new record can be
// made in a tab of its own, which gives it back. static/app.js draws the boxes; nothing here decides what may be done.
window.choosing = (() => {
  'use strict';

  const MOST = 8;
  const COMING_BACK = 'aftercare-new-';
  const who = () => document.querySelector('.who-name')?.textContent.trim() || '';
  const place = (type) => `aftercare.chosen.${who()}.${type}`;
  const waiting = new Map();   // the name of the tab -> what takes the new record

  function recent(type) {
    if (!type) return [];
    try { return JSON.parse(localStorage.getItem(place(type)) || '[]').slice(0, MOST); } catch { return []; }
  }

  function used(type, id) {
    if (!type || !/^[0-9]+$/.test(id)) return;
    try {
      localStorage.setItem(place(type), JSON.stringify([id, ...recent(type).filter((one) => one !== id)].slice(0, MOST)));
    } catch { /* it is only a comfort */ }
  }

  const mayCreate = (select) => {
    const types = select.closest('[data-may-create]')?.dataset.mayCreate.split(' ') || [];
    return Boolean(select.dataset.choices) && types.includes(select.dataset.choices);
  };

  function create(type, take) {
    const name = `${COMING_BACK}${type}-${Date.now()}`;
    waiting.set(name, take);
    window.open(`/admin/${type}/new/`, name);
  }

  // In the new tab: once the record is saved, and in a state in which it may be chosen, who asked for it is told. The
  // name lasts as long as the tab, so it is taken off: what is looked at there afterwards is not given back.
  function comeBack() {
    if (!window.name.startsWith(COMING_BACK) || !window.opener) return;
    const [, type] = /^\/admin\/([a-z_]+)\/details\/$/.exec(window.location.pathname) || [];
    if (!type || !window.name.startsWith(`${COMING_BACK}${type}-`)) return;
    const id = new URLSearchParams(window.location.search).get('id');
    const label = document.querySelector('h1[data-choosable] .number')?.textContent.trim();
    if (!label) return;
    window.opener.postMessage({ made: window.name, id, label }, window.location.origin);
    window.name = '';
    window.close();
  }

  window.addEventListener('message', (event) => {
    const take = event.origin === window.location.origin && waiting.get(event.data?.made);
    if (!take) return;
    waiting.delete(event.data.made);
    take(String(event.data.id), String(event.data.label));
  });
  document.addEventListener('DOMContentLoaded', comeBack);

  return { recent, used, mayCreate, create };
})();
