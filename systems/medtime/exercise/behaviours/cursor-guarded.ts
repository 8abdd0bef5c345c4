import type { Expectation, Json } from 'aval'
import { accepted, page, refused } from './answers.ts'
import { caseOf, pull, push, raw } from './scene.ts'

const promise = 'cursor-guarded'
const next = { save: { cursor: '/cursor' } }
const bad: Expectation = refused(400, 'BAD_CURSOR')

export const cursorGuarded = [
  caseOf(promise, 'of-another-user', 'A cursor of another user is refused', ({ person, entity }) => {
    const [ana, bob] = [person('ana'), person('bob')]
    return [
      push(ana, [entity('dose')], accepted(1)),
      pull(ana, '', page([entity('dose')]), next),
      pull(bob, 'cursor={{cursor}}', bad),
      pull(ana, 'cursor={{cursor}}', page([])),
    ]
  }),
  caseOf(promise, 'damaged', 'A cursor with something added or before it is refused', ({ person, entity }) => {
    const ana = person('ana')
    return [
      push(ana, [entity('dose')], accepted(1), next),
      pull(ana, 'cursor={{cursor}}A', bad),
      pull(ana, 'cursor=A{{cursor}}', bad),
      pull(ana, 'cursor={{cursor}}{{cursor}}', bad),
    ]
  }),
  caseOf(promise, 'forged', 'A cursor made up is refused', ({ person, entity }) => {
    const ana = person('ana')
    const plain = Buffer.from(JSON.stringify({ epoch: 1, sequence: 0 })).toString('base64url')
    return [
      push(ana, [entity('dose')], accepted(1)),
      ...['0', '1', 'AAAA', 'A'.repeat(64), plain, `${plain}.${plain}`, '%00', '..%2F..'].map((cursor) =>
        pull(ana, `cursor=${cursor}`, bad),
      ),
    ]
  }),
  caseOf(promise, 'or-since', 'A cursor and a moment together are refused', ({ person, entity }) => {
    const ana = person('ana')
    return [
      push(ana, [entity('dose')], accepted(1), next),
      pull(ana, 'cursor={{cursor}}&since=2026-01-01T00:00:00Z', refused(400, 'BAD_REQUEST')),
    ]
  }),
  caseOf(
    promise,
    'other-epoch',
    'A push that believes in another epoch writes nothing and is told the present one',
    ({ person, entity }) => {
      const ana = person('ana')
      const [first, second] = [entity('first'), entity('second')]
      const pushIn = (epoch: Json, expect: Expectation) =>
        raw(
          { method: 'POST', path: '/sync/push', json: { device_id: 'device-1', epoch, entities: [second] } },
          expect,
          ana,
        )
      return [
        push(ana, [first], accepted(1), { save: { epoch: '/epoch' } }),
        pushIn(999_999_999_999, {
          status: 410,
          json: { code: 'EPOCH_CHANGED', epoch: '{{epoch}}', cursor: 'any:string' },
        }),
        pull(ana, '', page([first])),
        pushIn('{{epoch}}', accepted(1)),
        pull(ana, '', page([first, second])),
      ]
    },
  ),
  caseOf(
    promise,
    'start-of-epoch',
    'The cursor told with the present epoch begins at its start',
    ({ person, entity }) => {
      const ana = person('ana')
      const [first, second] = [entity('first'), entity('second')]
      const json = { device_id: 'device-1', epoch: 999_999_999_999, entities: [second] }
      return [
        push(ana, [first], accepted(1)),
        { ...raw({ method: 'POST', path: '/sync/push', json }, { status: 410 }, ana), ...next },
        pull(ana, 'cursor={{cursor}}', page([first])),
      ]
    },
  ),
]
