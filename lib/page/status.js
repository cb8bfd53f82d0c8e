/**
 * What `/events` tells; checked by `npm run check:types`.
 *
 * @typedef {import('../model/status-service.ts').ServiceStatus} Service
 * @typedef {Service['backends'][number]['slots'][number]} Slot
 * @typedef {import('../status-board.ts').StatusParts} Parts
 * @typedef {Partial<Parts> & { at: number, services: (Service | Gone)[] }} News
 * @typedef {{ service: string, state: 'gone' }} Gone
 */

// Every text below may be a stranger's: it only ever becomes textContent.
// status.html has them all.
const byId = (id) => /** @type {HTMLElement} */ (document.getElementById(id));
const say = (id, text) => {
  const node = byId(id);
  if (node.textContent !== text) node.textContent = text;
};
const sayIs = (id, look, text) => {
  byId(id).className = `is ${look}`;
  say(id, text);
};

/**
 * @param {string} name
 * @param {Record<string, string>} options attributes, but for `className` and `text`
 * @param {(Node | string)[]} children
 */
function make(name, { className, text, ...attributes } = {}, ...children) {
  const node = document.createElement(name);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

const count = (n) => n.toLocaleString('en');
const plural = (n, one) => `${count(n)} ${one}${n === 1 ? '' : 's'}`;
function span(ms) {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 100_000) return `${(ms / 1000).toFixed(ms < 10_000 ? 1 : 0)} s`;
  if (ms < 5_400_000) return `${Math.round(ms / 60_000)} min`;
  return ms < 172_800_000 ? `${Math.round(ms / 3_600_000)} h` : `${Math.round(ms / 86_400_000)} days`;
}
/** An age that ticks: no tenths. */
const age = (at) => span(Math.max(1000, Math.round((now() - at) / 1000) * 1000)).replace('.0', '');
const ago = (at) => (now() - at < 1500 ? 'now' : `${age(at)} ago`);

/** What is known, as the connector told it, and by how much its clock is ahead of ours (ms). */
/** @type {Partial<Parts> & { services: Map<string, Service> }} */
const known = { services: new Map() };
let skew = 0;
const now = () => Date.now() + skew;

// Keyed lists: what has not changed is not touched, so that focus and selection stay where they are.

function keyedList(parent, build) {
  const shown = new Map();
  return (items) => {
    const wanted = new Map(items.map((item) => [item.key, item]));
    for (const [key, { nodes }] of shown) {
      if (wanted.has(key)) continue;
      for (const node of nodes) node.remove();
      shown.delete(key);
    }
    let at = parent.firstChild;
    for (const [key, item] of wanted) {
      const before = shown.get(key);
      const entry = before ?? build(item);
      if (before === undefined) shown.set(key, entry);
      if (entry.value !== item.value) {
        entry.update(item.value, before !== undefined);
        entry.value = item.value;
      }
      for (const node of entry.nodes) {
        if (node === at) at = at.nextSibling;
        else parent.insertBefore(node, at);
      }
    }
  };
}

// Services

const states = {
  failed: { look: 'bad', text: 'failed' },
  held: { look: 'warn', text: 'held' },
  problems: { look: 'warn', text: 'has problems' },
  waiting: { look: 'wait', text: 'waiting' },
  leaving: { look: '', text: 'leaving' },
  serving: { look: 'good', text: 'serving' },
};
const opened = new Set();
const squares = 24;

function nameOf(service) {
  const at = service.indexOf('/');
  return [make('span', { text: service.slice(0, at + 1) }), service.slice(at + 1)];
}

/** @param {Slot} slot */
function lookOfSlot({ state, health }) {
  return state === 'serving' && health === 'down' ? 'down' : state;
}

/** @param {Service} row */
function slotsCell({ backends, waitingInAll }) {
  const all = backends.flatMap(({ slots }) => slots);
  const order = ['serving', 'down', 'draining', 'waiting', 'free'];
  const looks = [...all.map(lookOfSlot), ...Array.from({ length: waitingInAll }, () => 'waiting')].sort(
    (a, b) => order.indexOf(a) - order.indexOf(b),
  );
  const icons = looks.slice(0, squares).map((look) => make('i', { className: look }));
  const tally = (look) => looks.filter((one) => one === look).length;
  const words = [
    `${tally('serving') + tally('down')} of ${all.length}`,
    ...['down', 'draining', 'waiting'].filter(tally).map((look) => `${tally(look)} ${look}`),
  ];
  return [
    make('span', { className: 'slots', 'aria-hidden': 'true' }, ...icons),
    make('span', { className: 'soft', text: words.join(', ') }),
  ];
}

/** @param {Service} row */
const backendText = ({ backends }) =>
  backends.map(({ name, owned }) => (owned ? name : `${name} (shared)`)).join(', ') || 'none';

/** @param {Service} row */
function domainsText({ routes }) {
  const names = routes.slice(0, 3).map(({ domain }) => domain);
  return routes.length > 3 ? `${names.join(', ')} and ${routes.length - 3} more` : names.join(', ');
}

const shorter = (id) => (/^[0-9a-f]{8}-/.test(id) ? id.slice(0, 8) : id);

/** @param {Service['lastEvents'][number]} event */
const eventText = ({ at, what, alloc, place }) =>
  `${shorter(alloc)} at ${place} ${what} ${new Date(at).toLocaleTimeString()}`;

/** @param {Service} row */
function detail(row) {
  const slots = row.backends.flatMap(({ name, slots }) => slots.map((slot) => ({ ...slot, in: name })));
  const lines = [
    ...slots.map((slot) => [
      row.backends.length === 1 ? slot.name : `${slot.in}/${slot.name}`,
      slot.state,
      slot.health ?? '',
      slot.at,
      slot.alloc,
      slot.node,
      slot.state === 'free' ? '' : String(slot.weight),
    ]),
    ...row.waiting.map((one) => [
      'no slot',
      one.admitted ? 'answers' : 'does not answer yet',
      '',
      one.at,
      one.alloc,
      one.node,
      '',
    ]),
  ];
  const heads = ['Slot', 'State', 'Health', 'Address', 'Allocation', 'Node', 'Weight'];
  const looks = ['', '', '', 'mono', 'mono wide', 'mono', 'wide'];
  const table = make(
    'table',
    {},
    make('caption', { className: 'unseen', text: `Slots of ${row.service}` }),
    make(
      'thead',
      {},
      make(
        'tr',
        {},
        ...heads.map((text, n) => make('th', { text, scope: 'col', className: looks[n].replace('mono', '') })),
      ),
    ),
    make(
      'tbody',
      {},
      ...lines.map((cells) =>
        make(
          'tr',
          {},
          ...cells.map((text, n) => {
            const shown = n === 4 || n === 5 ? shorter(text) : text;
            const cell = make(n === 0 ? 'th' : 'td', {
              className: looks[n],
              text: shown,
              ...(n === 0 && { scope: 'row' }),
            });
            if (shown !== text) cell.title = text;
            return cell;
          }),
        ),
      ),
    ),
  );
  const more = row.waitingInAll - row.waiting.length;
  const words = [
    ...(more > 0 ? [`${count(more)} more instances have no slot.`] : []),
    `Backend: ${backendText(row)}. Instances in Nomad: ${count(row.instances)}.`,
    ...(row.failure ? [`Failed: ${row.failure.failure.message}. ${row.failure.failure.hint}`] : []),
    ...row.problems.map(({ subject, text }) => `${subject} ${text}`),
    ...(row.lastEvents.length > 0 ? [`Last events: ${row.lastEvents.slice(0, 4).map(eventText).join('; ')}.`] : []),
  ];
  return [make('div', { className: 'scroll' }, table), ...words.map((text) => make('p', { className: 'soft', text }))];
}

let ids = 0;
function buildService({ key }) {
  if (key === '') return buildNone();
  const id = `detail-${(ids += 1)}`;
  const button = make('button', { type: 'button', 'aria-expanded': 'false' }, ...nameOf(key));
  const [state, slots, backend, domains] = ['', '', 'wide', 'wide soft'].map((className) => make('td', { className }));
  const row = make('tr', {}, make('th', { scope: 'row' }, button), state, slots, backend, domains);
  const entry = {
    nodes: [row],
    /** @param {Service} value */
    update: (value, isChange) => {
      const { look, text } = states[value.state];
      state.replaceChildren(make('span', { className: `is ${look}`, text }));
      slots.replaceChildren(...slotsCell(value));
      backend.textContent = backendText(value);
      domains.textContent = domainsText(value);
      if (isChange) flash(row);
      entry.nodes[1]?.firstElementChild?.replaceChildren(...detail(value));
    },
  };
  function toggle(open) {
    button.setAttribute('aria-expanded', String(open));
    if (open) {
      const below = make('tr', { className: 'detail', id }, make('td', { colspan: '5' }));
      button.setAttribute('aria-controls', id);
      row.after(below);
      entry.nodes = [row, below];
      if (entry.value) below.firstElementChild?.replaceChildren(...detail(entry.value));
      opened.add(key);
    } else {
      button.removeAttribute('aria-controls');
      entry.nodes[1]?.remove();
      entry.nodes = [row];
      opened.delete(key);
    }
  }
  button.addEventListener('click', () => toggle(entry.nodes.length === 1));
  if (opened.has(key)) toggle(true);
  return entry;
}

function flash(row) {
  row.classList.remove('new');
  void row.offsetWidth; // begins the animation anew
  row.classList.add('new');
}

const most = 1000;
const listServices = keyedList(byId('service-rows'), buildService);
const listRoutes = keyedList(byId('route-rows'), buildRoute);
let wantedState;

const hay = new WeakMap();
/** @param {Service} row */
function hayOf(row) {
  const text = hay.get(row) ?? JSON.stringify(row).toLowerCase();
  hay.set(row, text);
  return text;
}

const filter = /** @type {HTMLInputElement} */ (byId('filter'));

function showServices() {
  const all = [...known.services.values()];
  const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
  const isFound = (row) => words.every((word) => hayOf(row).includes(word));
  const found = all.filter((row) => (!wantedState || row.state === wantedState) && isFound(row));
  listServices(
    orNone(
      found.slice(0, most).map((row) => ({ key: row.service, value: row })),
      all.length,
    ),
  );
  const cut = found.length > most ? `, the first ${count(most)} shown` : '';
  say(
    'services-count',
    found.length === all.length ? `${count(all.length)}${cut}` : `${count(found.length)} of ${count(all.length)}${cut}`,
  );
  showStates(all);
  const routes = all.flatMap(routesOf).filter(({ key }) => words.every((word) => key.toLowerCase().includes(word)));
  const sorted = routes.sort((a, b) => (a.domain < b.domain ? -1 : a.domain > b.domain ? 1 : 0));
  listRoutes(
    orNone(
      sorted.slice(0, most).map((route) => ({ key: route.key, value: route })),
      all.length,
    ),
  );
  say('routes-count', count(routes.length) + (routes.length > most ? `, the first ${count(most)} shown` : ''));
}

function orNone(items, inAll) {
  return items.length > 0 ? items : [{ key: '', value: inAll === 0 ? 'none yet' : 'none that match' }];
}

function buildNone() {
  const cell = make('td', { colspan: '5' });
  return { nodes: [make('tr', { className: 'none' }, cell)], update: (text) => (cell.textContent = text) };
}

const buttons = new Map();
function showStates(all) {
  for (const [state, { text }] of Object.entries(states)) {
    const inAll = all.filter((row) => row.state === state).length;
    if (!buttons.has(state)) {
      const button = make('button', { type: 'button', 'aria-pressed': 'false' });
      button.addEventListener('click', () => {
        wantedState = wantedState === state ? undefined : state;
        showServices();
      });
      buttons.set(state, button);
      byId('states').append(button);
    }
    const button = buttons.get(state);
    const label = `${text} ${count(inAll)}`;
    if (button.textContent !== label) button.textContent = label;
    button.hidden = inAll === 0 && wantedState !== state;
    button.setAttribute('aria-pressed', String(wantedState === state));
  }
}

// Routes

const routeCache = new WeakMap();
/** @param {Service} row */
function routesOf(row) {
  if (!routeCache.has(row)) {
    const { service } = row;
    const held = row.routes.map(({ map, domain, backend }) => ({
      key: `${domain} ${map} ${service}`,
      domain,
      map,
      service,
      leads: backend ?? 'nowhere yet',
      look: backend === undefined ? 'wait' : 'good',
    }));
    const lost = row.lost
      .filter(({ claim }) => !claim.startsWith('backend '))
      .map(({ claim, holder }) => {
        const [, map = '', domain = claim] = /^(\S+) domain (.*)$/.exec(claim) ?? [];
        return {
          key: `${domain} ${map} ${service} lost`,
          domain,
          map,
          service,
          leads: `lost to ${holder}`,
          look: 'warn',
        };
      });
    routeCache.set(row, [...held, ...lost]);
  }
  return routeCache.get(row);
}

function buildRoute(item) {
  if (item.key === '') return buildNone();
  const cells = [make('th', { scope: 'row' }), make('td', { className: 'wide soft' }), make('td'), make('td')];
  return {
    nodes: [make('tr', {}, ...cells)],
    update: ({ domain, map, service, leads, look }) => {
      [domain, map, service].forEach((text, n) => (cells[n].textContent = text));
      cells[3].replaceChildren(make('span', { className: `is ${look}`, text: leads }));
    },
  };
}

// What needs attention

const listProblems = keyedList(byId('problems'), () => {
  const [name, text, hint] = [make('span'), make('span'), make('small')];
  return {
    nodes: [make('li', {}, name, text, hint)],
    update: ([look, who, what, help]) => {
      name.className = `is ${look}`;
      name.textContent = who;
      text.textContent = what;
      hint.textContent = help;
    },
  };
});
const hourMs = 3_600_000;
const mostProblems = 100;

function attention() {
  const { ready, nomad, haproxy, held, warnings = [], ghosts = 0 } = known;
  /** @param {NonNullable<Service['failure']>} failure */
  const retry = ({ retryAt }) => (retryAt === undefined ? '' : ' It is tried again by itself.');
  const all = [];
  const add = (key, look, who, what, hint = '') => all.push({ key, text: [look, who, what, hint] });
  for (const reason of ready?.reasons ?? []) add(`ready ${reason}`, 'wait', 'Not ready', reason);
  for (const { who, end } of [
    { who: 'Nomad', end: nomad },
    { who: 'HAProxy', end: haproxy },
  ]) {
    if (end?.failure && !end.connected) add(who, 'bad', who, end.failure.message, end.failure.hint);
  }
  if (held) {
    const names = held.services.slice(0, 10).join(', ');
    const rest = held.services.length > 10 ? ` and ${held.services.length - 10} more` : '';
    add(
      'held',
      'warn',
      'Removals held',
      `${held.why}: ${names}${rest}`,
      'They are served until a second snapshot says the same.',
    );
  }
  for (const { service, failure } of known.services.values()) {
    if (failure)
      add(`failed ${service}`, 'bad', service, failure.failure.message, failure.failure.hint + retry(failure));
  }
  for (const { service, problems } of known.services.values()) {
    problems.forEach(({ subject, text }, n) => add(`problem ${service} ${n}`, 'warn', service, `${subject} ${text}`));
  }
  if (ghosts > 0)
    add(
      'ghosts',
      'warn',
      'Nomad',
      `${plural(ghosts, 'registration')} left out: the allocation is missing or has ended`,
    );
  for (const { at, text, hint } of warnings) {
    if (now() - at < hourMs) add(`warning ${at} ${text}`, 'warn', 'HAProxy', text, hint);
  }
  return all;
}

const saidProblems = new Map();
function showAttention() {
  const all = attention();
  const cut = all.slice(0, mostProblems);
  if (all.length > mostProblems)
    cut.push({ key: 'more', text: ['', 'And', `${count(all.length - mostProblems)} more`, ''] });
  const texts = new Map(cut.map(({ key, text }) => [key, JSON.stringify(text)]));
  listProblems(
    cut.map(({ key, text }) => {
      const before = saidProblems.get(key);
      return {
        key,
        value: before && JSON.stringify(before) === texts.get(key) ? before : (saidProblems.set(key, text), text),
      };
    }),
  );
  for (const key of saidProblems.keys()) if (!texts.has(key)) saidProblems.delete(key);
  byId('problems').hidden = all.length === 0;
  byId('problems').removeAttribute('aria-busy');
  say('attention-none', all.length === 0 ? 'nothing' : count(all.length));
  document.title = all.length === 0 ? 'haproxy-nomad-connector' : `(${all.length}) haproxy-nomad-connector`;
}

// The pipeline

const windowMs = 10_000;
const samples = [];
function showCounts() {
  const { counts } = known;
  if (!counts) return;
  const writes = Object.values(counts.writes).reduce((sum, n) => sum + n, 0);
  const total = { events: counts.events, changes: counts.changes, batches: counts.batches, writes };
  while (samples.length > 1 && samples[1].at < now() - windowMs) samples.shift();
  const [first] = samples;
  for (const [name, n] of Object.entries(total)) {
    say(name, count(n));
    const seconds = first ? Math.max(1, (now() - first.at) / 1000) : 1;
    const rate = first ? Math.max(0, n - first.total[name]) / seconds : 0;
    const words = rate === 0 ? '' : `${rate < 10 ? rate.toFixed(1) : count(Math.round(rate))}/s`;
    if (name !== 'writes') say(`${name}-more`, words);
  }
  samples.push({ at: now(), total });
  const lanes = Object.entries(counts.writes).filter(([, n]) => n > 0);
  say('writes-more', lanes.map(([lane, n]) => `${count(n)} ${lane}`).join(', '));
  say('reloads-count', count(counts.reloads));
}

function showEnds() {
  const { nomad, haproxy, snapshot } = known;
  for (const { name, end } of [
    { name: 'nomad', end: nomad },
    { name: 'haproxy', end: haproxy },
  ]) {
    if (!end) continue;
    const isNew = !end.connected && !end.failure;
    if (known.about?.dryRun && name === 'haproxy') sayIs(name, '', 'in memory');
    else
      sayIs(
        name,
        end.connected ? 'good' : isNew ? 'wait' : 'bad',
        end.connected ? 'connected' : isNew ? 'connecting' : 'away',
      );
  }
  if (nomad) {
    const read = snapshot ? `, index ${count(snapshot.index)} read ${ago(snapshot.at)}` : '';
    say('nomad-more', `for ${age(nomad.since)}${read}`);
  }
  if (haproxy && !known.about?.dryRun) {
    const which = haproxy.haproxy ? `${haproxy.haproxy}, API ${haproxy.dataplane}, ` : '';
    say('haproxy-more', `${which}for ${age(haproxy.since)}`);
  }
}

function showAbout() {
  const { about, haproxy } = known;
  if (!about) return;
  byId('mode').hidden = !about.dryRun;
  const which = haproxy?.haproxy ? `, HAProxy ${haproxy.haproxy}, Data Plane API ${haproxy.dataplane}` : '';
  say('versions', `connector ${about.version}, Node ${about.node}${which}; runs for ${age(about.startedAt)}`);
}

// Reloads

const causes = {
  'new-backend': 'new service',
  'more-slots': 'more slots',
  settings: 'settings',
  'routing-rule': 'routing rule',
  'host-name': 'host name',
  removal: 'removal',
  rows: 'map rows',
  repair: 'repair',
};
const listReloads = keyedList(byId('reload-rows'), (item) => {
  if (item.key === '') return buildNone();
  const [when, why, who, took] = [make('td'), make('th', { scope: 'row' }), make('td'), make('td', { className: 'n' })];
  return {
    nodes: [make('tr', {}, when, why, who, took)],
    update: ({ reload, words }) => {
      when.replaceChildren(make('time', { datetime: new Date(reload.at).toISOString(), text: words }));
      why.textContent = causes[reload.cause] ?? reload.cause;
      const rest = reload.servicesInAll - reload.services.length;
      who.textContent = reload.services.join(', ') + (rest > 0 ? ` and ${count(rest)} more` : '');
      took.textContent = span(reload.tookMs);
    },
  };
});
const saidReloads = new Map();
const shownReloads = 12;
function showReloads() {
  const items = (known.reloads ?? []).slice(0, shownReloads).map((reload, n, all) => {
    const twins = all.slice(n + 1).filter(({ at }) => at === reload.at).length;
    const [key, words] = [`${reload.at} ${twins}`, ago(reload.at)];
    const before = saidReloads.get(key);
    return {
      key,
      value: before?.words === words ? before : (saidReloads.set(key, { reload, words }), saidReloads.get(key)),
    };
  });
  for (const key of saidReloads.keys()) if (!items.some((item) => item.key === key)) saidReloads.delete(key);
  listReloads(items.length > 0 ? items : [{ key: '', value: 'none since the connector runs' }]);
}

// Event to ready, on a scale of decades

const svg = (name, attributes) => {
  const node = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  return node;
};
const middle = (sorted, share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];

function showLatency() {
  const all = known.latency ?? [];
  const decades = Math.max(2, Math.ceil(Math.log10(Math.max(10, ...all.map(({ toldMs }) => toldMs)))));
  const height = (ms) => (Math.log10(Math.max(1.2, ms)) / decades) * 100;
  const bars = all.flatMap(({ toldMs, admittedMs }, n) =>
    [
      ['whole', toldMs],
      ['ours', admittedMs],
    ].map(([name, ms]) =>
      svg('rect', { class: name, x: 119 - n + 0.15, width: 0.7, y: 100 - height(ms), height: height(ms) }),
    ),
  );
  const grid = Array.from({ length: decades + 1 }, (_, n) => n);
  byId('plot').replaceChildren(
    ...grid.map((n) => svg('line', { x1: 0, x2: 120, y1: 100 - (n / decades) * 100, y2: 100 - (n / decades) * 100 })),
    ...bars,
  );
  byId('scale').replaceChildren(
    ...grid.map((n) => {
      const label = make('span', { text: span(10 ** n).replace('.0', '') });
      label.style.bottom = `${(n / decades) * 100}%`;
      return label;
    }),
  );
  if (all.length === 0) return;
  const [ours, whole] = ['admittedMs', 'toldMs'].map((name) => all.map((one) => one[name]).sort((a, b) => a - b));
  say(
    'latency-summary',
    `The last ${plural(all.length, 'instance')}: half within ${span(middle(ours, 0.5))} of ${all.length === 1 ? 'its' : 'their'} answer, ` +
      `the slowest ${span(ours.at(-1))}; since Nomad told, half within ${span(middle(whole, 0.5))}, the slowest ${span(whole.at(-1))}.`,
  );
  say('latency-last', `${all[0].service}, ${ago(all[0].at)}`);
}

// News

/** @param {News} news */
function take(news, isWhole) {
  const { services, at, ...parts } = news;
  skew = at - Date.now();
  Object.assign(known, parts);
  if (isWhole) {
    samples.length = 0;
    const old = known.services;
    known.services = new Map(
      /** @type {Service[]} */ (services).map((row) => {
        const before = old.get(row.service);
        return [row.service, before && JSON.stringify(before) === JSON.stringify(row) ? before : row];
      }),
    );
  }
  let isNew = false;
  for (const row of isWhole ? [] : services) {
    if (row.state === 'gone') known.services.delete(row.service);
    else {
      isNew ||= !known.services.has(row.service);
      known.services.set(row.service, row);
    }
  }
  if (isNew) known.services = new Map([...known.services].sort(([a], [b]) => (a < b ? -1 : 1)));
  if (isWhole || services.length > 0) showServices();
  if (isWhole || parts.latency) showLatency();
  showAttention();
  showCounts();
  showTimes();
}

function showTimes() {
  showEnds();
  showAbout();
  showReloads();
}

let source;
let heardAt = Date.now();
function connect() {
  source?.close();
  source = new EventSource('/events');
  const heard = (act) => (event) => {
    heardAt = Date.now();
    sayIs('live', 'good', 'live');
    document.body.classList.remove('stale');
    act(event);
  };
  source.addEventListener(
    'status',
    heard(({ data }) => take(JSON.parse(data), true)),
  );
  source.addEventListener(
    'news',
    heard(({ data }) => take(JSON.parse(data), false)),
  );
  source.addEventListener(
    'alive',
    heard(() => undefined),
  );
  source.addEventListener('error', away);
}

const silentMs = 30_000;
const againMs = 3000;
function away() {
  sayIs('live', 'bad', 'not connected, trying again');
  document.body.classList.add('stale');
  // The browser tries again by itself, but not after an answer like 503.
  if (source.readyState === EventSource.CLOSED) setTimeout(connect, againMs);
}

setInterval(() => {
  if (Date.now() - heardAt > silentMs) {
    heardAt = Date.now();
    away();
    connect();
  }
  showCounts();
  showTimes();
}, 2000);

filter.addEventListener('input', showServices);
document.addEventListener('keydown', (event) => {
  const isTyping = event.target instanceof HTMLInputElement;
  if (event.key === '/' && !isTyping && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault();
    filter.focus();
  } else if (event.key === 'Escape' && isTyping) {
    filter.value = '';
    showServices();
  }
});

showLatency();
showServices();
connect();
