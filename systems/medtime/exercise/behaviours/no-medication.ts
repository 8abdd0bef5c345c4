import type { Exchange } from 'aval'
import { refused } from './answers.ts'
import { caseOf, raw } from './scene.ts'

const promise = 'knows-no-medication'

/** Names a program would have that works with medication; a text that people read has blanks and is none. */
const names = [
  'dose',
  'dosis',
  'dosage',
  'adheren',
  'report',
  'drug',
  'pill',
  'therap',
  'symptom',
  'regimen',
  'prescri',
]
const description = (service: string): Exchange => ({
  service,
  request: { method: 'GET', path: '/openapi.json' },
  expect: {
    status: 200,
    json: { openapi: 're:^3\\.' },
    text: {
      lacks: [
        ...names.map((name) => `re:"[^" ]*${name}[^" ]*"`),
        // The catalog, which is the same for everybody, tells of a medicine or of medicines.
        're:"(?!medicines?")[^" ]*medic[^" ]*"',
      ],
    },
  },
})

export const noMedication = [
  caseOf(
    promise,
    'described',
    'No path and no member that the API describes speaks of doses, adherence or reports',
    () => [description('api')],
  ),
  caseOf(promise, 'accounts', 'Nor does any of the accounts', () => [description('accounts')]),
  caseOf(promise, 'nothing-computed', 'Nobody is asked for a dose, for adherence or for a report', ({ person }) =>
    ['/doses', '/medications', '/adherence', '/reports', '/sync/report'].map((path) =>
      raw({ method: 'GET', path }, refused(404, 'NOT_FOUND'), person('ana')),
    ),
  ),
  caseOf(
    promise,
    'nothing-in-clear',
    'An entity that says in clear what it is about is refused',
    ({ person, entity }) =>
      [{ name: 'losartan' }, { dose: '50 mg' }, { taken: true }].map((clear) =>
        raw(
          {
            method: 'POST',
            path: '/sync/push',
            json: { device_id: 'device-1', entities: [{ ...entity('dose'), ...clear }] },
          },
          refused(400, 'BAD_REQUEST', ['losartan', '50 mg']),
          person('ana'),
        ),
      ),
  ),
]
