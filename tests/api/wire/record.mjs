// Runs the official @directus/sdk against a server and writes down what it sent and what came back.
//   node record.mjs SDK_FOLDER SERVER TOKEN PASSWORD > sdk.json
// The server holds the company of tests/world.py and nothing else; token and password are those of its `sales`. Of secrets
// only their names are written down.
import { pathToFileURL } from 'node:url';
const [folder, server, token, password] = process.argv.slice(2);
const sdk = await import(pathToFileURL(`${folder}/dist/index.js`));
const { readFileSync } = await import('node:fs');
const version = JSON.parse(readFileSync(`${folder}/package.json`)).version;

const shape = (value, depth = 0) => value === null ? 'null' : depth > 4 ? '...'
  : Array.isArray(value) ? value.slice(0, 1).map(one => shape(one, depth + 1))
  : typeof value === 'object' ? Object.fromEntries(Object.entries(value).map(([key, one]) => [key, shape(one, depth + 1)]))
  : typeof value;
const LARGE = ['description'];   // only that it came
const steps = [];
let step = '';
const secrets = new Map([[password, '{password}']]);   // what it is -> what is written down
const named = text => [...secrets].reduce((said, [secret, name]) => said.replaceAll(secret, name), text);
const recording = async (url, options) => {
  const answer = await fetch(url, options);
  const headers = Object.fromEntries(new Headers(options.headers));
  const bearer = headers.authorization?.slice('Bearer '.length);
  delete headers.authorization;
  const isForm = options.body instanceof FormData;
  const form = isForm ? await Promise.all([...options.body].map(async ([key, value]) =>
    [key, typeof value === 'string' ? value : { name: value.name, text: await value.text() }])) : undefined;
  const text = await answer.clone().text();
  let told = null;
  try { told = JSON.parse(text); } catch { /* a file, or nothing */ }
  steps.push({ name: step, method: options.method, path: String(url).slice(server.length), headers,
    ...(isForm ? { form } : options.body ? { body: JSON.parse(named(options.body)) } : {}), ...(secrets.has(bearer) ? { bearer: named(bearer) } : {}),
    status: answer.status, shape: told === null || LARGE.includes(step) ? null : shape(told.data ?? told),
    ...(String(url).includes('fields=title') && told?.data ? { data: told.data } : {}) });
  for (const name of ['access_token', 'refresh_token']) if (told?.data?.[name]) secrets.set(told.data[name], `{${name}}`);
  return answer;
};
const client = sdk.createDirectus(server, { globals: { fetch: recording } }).with(sdk.staticToken(token)).with(sdk.rest());
const ask = async (name, command) => {
  step = name;
  try { return await client.request(command); } catch (error) { return { refused: error.errors ?? String(error) }; }
};

const plan = (title, more) => ({ title, purpose: 'hear them', starts_on: '2024-11-01', ends_on: '2024-11-30', handler: 6,
  budget: '1200.50', visits: [{ customer: 1, planned_on: '2024-11-05', visitor: 3 }], ...more });
const T = 'visit_plan';

await ask('create one', sdk.createItem(T, plan('Alpha')));
await ask('create several', sdk.createItems(T, [plan('Beta', { budget: null }), plan('Gamma', { remark: 'gamma rays' })]));
const operators = {
  title: { _eq: 'Alpha', _neq: 'Alpha', _in: ['Alpha', 'Beta'], _nin: ['Alpha'], _null: true, _nnull: true, _contains: 'eta',
    _ncontains: 'eta', _icontains: 'ALPH', _nicontains: 'ALPH', _starts_with: 'Al', _nstarts_with: 'Al', _istarts_with: 'al',
    _nistarts_with: 'al', _ends_with: 'mma', _nends_with: 'mma', _iends_with: 'MMA', _niends_with: 'MMA', _empty: true,
    _nempty: true },
  budget: { _lt: '1300', _lte: '1200.50', _gt: 1000, _gte: '1200.50', _between: ['1000', '2000'], _nbetween: ['1000', '2000'] },
  starts_on: { _lt: '$NOW', _gt: '$NOW(-1 month)', _between: ['2024-11-01', '2024-11-02'] },
  handler: { _eq: '$CURRENT_USER' },
};
for (const [field, asked] of Object.entries(operators)) for (const [operator, value] of Object.entries(asked)) {
  await ask(`${field} ${operator}`, sdk.readItems(T, { fields: ['title'], filter: { [field]: { [operator]: value } }, sort: ['title'] }));
}
await ask('and, or', sdk.readItems(T, { fields: ['id'], filter: { _and: [{ title: { _nnull: true } }, { _or: [{ title: { _eq: 'Beta' } }, { budget: { _gt: 1 } }] }] } }));
await ask('through a link', sdk.readItems(T, { fields: ['id', { handler: ['name'] }], filter: { handler: { username: { _eq: 'sales' } } } }));
await ask('some row', sdk.readItems(T, { fields: ['title', { visits: ['planned_on', { customer: ['name', { dealer: ['name'] }] }] }],
  filter: { visits: { _some: { customer: { name: { _contains: 'A' } } } } } }));
await ask('no row', sdk.readItems(T, { fields: ['title'], filter: { visits: { _none: { customer: { _eq: 1 } } } } }));
await ask('functions', sdk.readItems(T, { fields: ['title', 'year(starts_on)', 'count(visits)'], filter: { 'year(starts_on)': { _eq: 2024 } } }));
await ask('deep', sdk.readItems(T, { fields: ['id', { visits: ['id'] }], deep: { visits: { _limit: 1, _sort: ['-id'], _filter: { customer: { _eq: 1 } } } } }));
await ask('alias', sdk.readItems(T, { fields: ['id', { stops: ['id'] }], alias: { stops: 'visits' } }));
await ask('everything', sdk.readItems(T, { fields: ['*', { handler: ['*'] }, { visits: ['*'] }], limit: 1 }));
await ask('paging', sdk.readItems(T, { fields: ['title'], sort: ['-title', 'id'], limit: 1, page: 2 }));
await ask('offset', sdk.readItems(T, { fields: ['title'], sort: ['title'], limit: 1, offset: 2 }));
await ask('search', sdk.readItems(T, { fields: ['title'], search: 'Gam' }));
await ask('one', sdk.readItem(T, 1, { fields: ['*', { visits: ['*'] }] }));
await ask('count', sdk.aggregate(T, { aggregate: { count: '*' } }));
await ask('figures', sdk.aggregate(T, { aggregate: { count: '*', sum: ['budget'], avg: ['budget'], min: ['budget'], max: ['budget'], countDistinct: ['title'] },
  groupBy: ['state', 'year(starts_on)'] }));
await ask('change one', sdk.updateItem(T, 1, { title: 'Alpha 2' }, { fields: ['title', 'revision'] }));
await ask('change by keys', sdk.updateItems(T, [1, 2], { remark: 'seen' }));
await ask('change by query', sdk.updateItems(T, { filter: { title: { _eq: 'Gamma' } } }, { remark: 'found' }));
if (sdk.updateItemsBatch) await ask('change a batch', sdk.updateItemsBatch(T, [{ id: 1, budget: '1' }, { id: 2, budget: '2' }]));
await ask('a row less', sdk.updateItem(T, 1, { visits: [] }, { fields: ['visits'] }));
await ask('voided without a reason', sdk.deleteItem(T, 3));
await ask('unknown field', sdk.readItems(T, { fields: ['nothing'] }));
await ask('unknown type', sdk.readItems('nothing'));
await ask('wrong operator', sdk.readItems(T, { filter: { title: { _like: 'x' } } }));
await ask('missing', sdk.readItem(T, 999));
await ask('incomplete', sdk.createItem(T, { title: 'x' }));
const form = new FormData();
form.append('type', T); form.append('record', '1'); form.append('file', new File(['a note'], 'note.txt', { type: 'text/plain' }));
await ask('upload', sdk.uploadFiles(form));
await ask('a file', sdk.readFile(1));
await ask('its content', sdk.readAssetArrayBuffer(1));
await ask('revisions', sdk.readRevisions({ filter: { collection: { _eq: T }, item: { _eq: 1 } }, sort: ['id'] }));
await ask('one revision', sdk.readRevision(9));
await ask('activity', sdk.readActivities({ limit: 2, sort: ['-timestamp'] }));
await ask('collections', sdk.readCollections());
await ask('a collection', sdk.readCollection(T));
await ask('fields', sdk.readFieldsByCollection(T));
await ask('a field', sdk.readField(T, 'title'));
await ask('relations', sdk.readRelationByCollection(T));
await ask('info', sdk.serverInfo());
await ask('description', sdk.readOpenApiSpec());
await ask('me', sdk.readMe({ fields: ['id', 'username', 'roles'] }));
const table = new FormData();
table.append('file', new File(['title,purpose,starts_on,ends_on,handler\r\nDelta,x,2024-11-01,2024-11-30,sales\r\n'], 'plans.csv'));
await ask('bring in a file', sdk.utilsImport(T, table));

// By a sign-in of its own.
const person = sdk.createDirectus(server, { globals: { fetch: recording } }).with(sdk.authentication('json', { autoRefresh: false })).with(sdk.rest());
const as = async (name, work) => { step = name; try { return await work(); } catch (error) { return error.errors ?? String(error); } };
await as('sign in with a wrong password', () => person.login({ email: 'sales', password: 'wrong' }));
await as('sign in', () => person.login({ email: 'sales', password }));
await as('me by my sign-in', () => person.request(sdk.readMe()));
await as('a list by my sign-in', () => person.request(sdk.readItems(T, { fields: ['title'], limit: 1, sort: ['title'] })));
await as('renew', () => person.refresh());
await as('me by the new token', () => person.request(sdk.readMe()));
await as('sign out', () => person.logout());
await as('renew what has ended', () => person.request(sdk.refresh({ mode: 'json', refresh_token: [...secrets.keys()].at(-1) })));
const lines = steps.map(one => ' ' + JSON.stringify(one)).join(',\n');
console.log(`{"sdk": "${version}", "steps": [\n${lines}\n]}`);
