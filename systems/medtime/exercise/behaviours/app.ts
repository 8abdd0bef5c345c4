import type { Exchange, Expectation, Json } from 'aval'
import { uuidOf } from '../wire.ts'
import { refused, unauthenticated } from './answers.ts'
import { caseOf, get, raw } from './scene.ts'

/** Stands for what a person would not want to read in a report. */
const marked = 'zyprexal7731'

const crash = (name: string, change: { [member: string]: Json } = {}): { [member: string]: Json } => ({
  id: uuidOf(`crash ${name}`),
  kind: 'crash',
  class: 'TypeError',
  code: null,
  frames: ['sync/pull.ts:120:7', 'main.ts:8:1'],
  platform: 'ios',
  version: '1.0.0',
  user_hash: '0123456789abcdef0123456789abcdef',
  ...change,
})
const tell = (path: string, json: Json, expect: Expectation, as?: string): Exchange =>
  raw({ method: 'POST', path, json }, expect, as)
const crashed = (json: Json, expect: Expectation, as?: string) => tell('/app/crashes', json, expect, as)
const used = (events: Json, expect: Expectation, as?: string) => tell('/app/usage', { events }, expect, as)
const taken: Expectation = { status: 200, json: { kept_until: 're:^\\d{4}-.*Z$' } }
const refusedBlindly = refused(400, 'BAD_REQUEST', [marked])

const tells = 'crashes-tell-nothing'
const counts = 'usage-counted'

export const app = [
  caseOf(
    tells,
    'taken',
    'A report of class, code and own frames is taken, and once when it comes again',
    ({ person }) => [
      crashed(crash('taken'), taken, person('ana')),
      crashed(crash('taken'), taken, person('ana')),
      crashed(crash('coded', { class: 'SyncError', code: 'TIMEOUT', frames: [] }), taken, person('ana')),
      get('/metrics', {
        status: 200,
        text: {
          has: ['re:app_crashes_total\\{platform="ios",version="1.0.0",error_type="crash"\\} [1-9]'],
          lacks: ['0123456789abcdef', 'pull.ts'],
        },
      }),
    ],
  ),
  caseOf(tells, 'nothing-more', 'A report with a key of its own, a message or an id is refused', ({ person, userId }) =>
    [{ custom_keys: { medicine: marked } }, { message: marked }, { user_id: userId('ana') }, { device_id: marked }].map(
      (more) => crashed(crash('more', more), refusedBlindly, person('ana')),
    ),
  ),
  caseOf(tells, 'no-text', 'No member of a report takes a text', ({ person, userId }) =>
    [
      { class: marked },
      { code: marked },
      { frames: [`${marked} 5 mg`] },
      { frames: [`at ${marked} (sync/pull.ts:1:1)`] },
      { version: marked },
      { user_hash: userId('ana') },
      { kind: marked },
    ].map((change) => crashed(crash('text', change), refusedBlindly, person('ana'))),
  ),
  caseOf(tells, 'not-linked', 'A report is in no export, not even of whoever sent it', (scene) => {
    const ana = scene.person('ana')
    return [
      crashed(crash('linked'), taken, ana),
      raw(
        { method: 'GET', path: '/account/export' },
        { status: 200, text: { lacks: ['0123456789abcdef', uuidOf('crash linked')] } },
        ana,
      ),
      crashed(crash('nobody'), unauthenticated),
    ]
  }),
  caseOf(counts, 'three-events', 'The three events are counted by tier and role', ({ person }) => [
    used(
      [
        { event: 'app_open', role: 'patient' },
        { event: 'screen_view', role: 'caregiver' },
        { event: 'user_engagement', role: 'patient' },
      ],
      { status: 200, json: { counted: 3 } },
      person('ana', 'pro'),
    ),
    get('/metrics', {
      status: 200,
      text: {
        has: [
          're:app_events_total\\{event="app_open",tier="pro",role="patient"\\} [1-9]',
          're:app_events_total\\{event="screen_view",tier="pro",role="caregiver"\\} [1-9]',
        ],
      },
    }),
  ]),
  caseOf(counts, 'no-other', 'Another event, another role or anything beside them is refused', ({ person }) =>
    [
      { event: 'dose_taken', role: 'patient' },
      { event: 'app_open', role: marked },
      { event: 'screen_view', role: 'patient', screen: marked },
      { event: 'app_open', role: 'patient', tier: 'pro' },
    ].map((event) => used([event], refusedBlindly, person('ana'))),
  ),
]
