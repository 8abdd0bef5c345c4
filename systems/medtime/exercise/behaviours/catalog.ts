import type { Exchange, Expectation } from 'aval'
import { refused, unauthenticated } from './answers.ts'
import { caseOf, get, raw } from './scene.ts'

/** Medicines of the starter catalog, which every installation has; their ids never change. */
const losartan = { id: 'ec4061697ed2a937', name: 'Losartán' }
const paracetamol = { id: 'e1715f77780cb85b', name: 'Paracetamol' }
const others = ['b78625eb4c259725', '9aadf4b13220822c', '6a4f9ca4866f040b', 'b36c5cc75fae6df8']

/** Stands for what a person would not want to read in an error or in a metric. */
const marked = 'zyprexal7731'

function search(as: string, typed: string, expect: Expectation, headers: Record<string, string> = {}): Exchange {
  return raw({ method: 'GET', path: `/catalog/search?q=${encodeURIComponent(typed)}`, headers }, expect, as)
}

/** The first of what was found; how much else was found is not said. */
function first(medicine: { id: string; name: string }): Expectation {
  return {
    status: 200,
    text: { has: [`re:^\\{"version":\\d+,"results":\\[\\{"id":"${medicine.id}","name":"${medicine.name}"`] },
  }
}

export const catalogSearch = [
  caseOf('catalog-search', 'names', 'A name is found without its accents, in capitals, and half typed', ({ person }) =>
    ['losartán', 'LOSARTAN', 'losar'].map((typed) => search(person('ana'), typed, first(losartan))),
  ),
  caseOf('catalog-search', 'mistyped', 'A name is found although it is mistyped', ({ person }) => [
    search(person('ana'), 'parasetamol', first(paracetamol)),
    search(person('ana'), 'lorsartan', first(losartan)),
  ]),
  caseOf('catalog-search', 'brands', 'A brand and a name of another language lead to the substance', ({ person }) => [
    search(person('ana'), 'tylenol', first(paracetamol)),
    search(person('ana'), 'acetaminophen', first(paracetamol)),
    search(person('ana'), 'cozaar', first(losartan)),
  ]),
  caseOf('catalog-search', 'strength', 'The strength that was typed stands first', ({ person }) => [
    search(person('ana'), 'losartan potásico 100 mg', {
      status: 200,
      text: { has: [`"id":"${losartan.id}"`, '"strengths":["100 mg"'] },
    }),
  ]),
  caseOf('catalog-search', 'nothing', 'What is nobody’s name finds nothing, and is no error', ({ person }) => [
    search(person('ana'), 'qqqqxxxx', { status: 200, json: { results: [] } }),
    search(person('ana'), '%_\\ \' " ; --', { status: 200, json: { results: [] } }),
  ]),
  caseOf('catalog-search', 'needs-a-token', 'Nobody searches without a token', () => [
    get('/catalog/search?q=losartan', unauthenticated),
    get(`/catalog/${losartan.id}`, unauthenticated),
    get('/catalog/download', unauthenticated),
  ]),
]

export const catalogValidator = [
  caseOf('catalog-validator', 'held', 'Who holds an answer is told so in place of it', ({ person }) => [
    search(person('ana'), 'losartan', { status: 200, headers: { etag: 're:^W/"[\\w-]{22}"$' } }),
    search(person('ana'), 'losartan', { status: 304, text: { lacks: ['osart'] } }, { 'if-none-match': '*' }),
  ]),
  caseOf('catalog-validator', 'other', 'Who holds another answer gets this one', ({ person }) => [
    search(person('ana'), 'losartan', first(losartan), { 'if-none-match': 'W/"AAAAAAAAAAAAAAAAAAAAAA"' }),
  ]),
  caseOf('catalog-validator', 'nobody-between', 'No cache on the way may keep an answer', ({ person }) => [
    search(person('ana'), 'losartan', { status: 200, headers: { 'cache-control': 'private, no-cache' } }),
  ]),
]

export const catalogDownload = [
  caseOf('catalog-download', 'whole', 'A device can take the whole catalog', ({ person }) => [
    raw(
      { method: 'GET', path: '/catalog/download' },
      {
        status: 200,
        json: { since: 'any:null', version: 'any:number', digest: 're:^[0-9a-f]{64}$' },
        text: { has: [losartan.id, paracetamol.id, ...others].map((id) => `["${id}",[`) },
      },
      person('ana'),
    ),
  ]),
  caseOf('catalog-download', 'changes', 'A device that has a version is told only what changed', ({ person }) => [
    { ...raw({ method: 'GET', path: '/catalog/download' }, { status: 200 }, person('ana')), save: { v: '/version' } },
    raw(
      { method: 'GET', path: '/catalog/download?since={{v}}' },
      { status: 200, json: { since: '{{v}}', version: '{{v}}', medicines: [], removed: [] } },
      person('ana'),
    ),
  ]),
  caseOf('catalog-download', 'details', 'All of one medicine is read by its id', ({ person }) => [
    raw(
      { method: 'GET', path: `/catalog/${losartan.id}` },
      { status: 200, json: { medicine: { id: losartan.id, atc: ['C09CA01'], ingredients: ['losartan'] } } },
      person('ana'),
    ),
    raw({ method: 'GET', path: '/catalog/0000000000000000' }, refused(404, 'NOT_FOUND'), person('ana')),
  ]),
]

export const catalogBlind = [
  caseOf('catalog-blind', 'errors', 'No error repeats what was looked for', ({ person }) =>
    [
      ['search?q=', 400],
      [`search?q=${marked}&limit=1000`, 400],
      [`search?q=${marked}&lang=${marked}`, 400],
      [`search?${marked}=1`, 400],
      [`download?since=${marked}`, 400],
      [marked, 404],
      [`search/${marked}?q=${marked}`, 404],
    ].map(([rest, status]) =>
      raw(
        { method: 'GET', path: `/catalog/${rest}` },
        refused(Number(status), status === 404 ? 'NOT_FOUND' : 'BAD_REQUEST', [marked]),
        person('ana'),
      ),
    ),
  ),
  caseOf('catalog-blind', 'metrics', 'No metric names what was looked for', ({ person }) => [
    search(person('ana'), marked, { status: 200 }),
    search(person('ana'), marked, { status: 200 }),
    get('/metrics', {
      status: 200,
      text: { has: ['re:cache_requests_total\\{status="hit"\\} [1-9]'], lacks: [marked, losartan.id] },
    }),
  ]),
]
