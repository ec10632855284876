// Runs every scenario and prints what came of each: {"name": {"value": …} or {"error": …}}.
// The server, its clients and their keys come as JSON on standard input; see ../test_node.py.

import { text } from 'node:stream/consumers';

import * as apis from './apis.js';
import * as clients from './clients.js';

const house = JSON.parse(await text(process.stdin));
const results = {};
for (const [name, scenario] of Object.entries({ ...clients, ...apis })) {
  try {
    results[name] = { value: await scenario(house) };
  } catch (error) {
    const { error: code, status, message, stack } = error;
    results[name] = { error: { code: code ?? error.code, status, message, stack } };
  }
}
console.log(JSON.stringify(results));
