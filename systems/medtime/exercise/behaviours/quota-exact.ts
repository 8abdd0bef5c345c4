import type { Expectation } from 'aval'
import { accepted, page, refused } from './answers.ts'
import { caseOf, get, pull, push } from './scene.ts'

const promise = 'quota-exact'

const megabyte = 1_048_576
const free = 25 * megabyte

const leaves = (expect: Expectation, bytes: number): Expectation => ({
  ...expect,
  headers: { ...expect.headers, 'x-storage-remaining': String(bytes) },
})

export const quotaExact = [
  caseOf(
    promise,
    'last-byte',
    'The last byte of the quota is given, the next one is refused with everything beside it, and a deletion makes room',
    ({ person, entity }) => {
      const ana = person('ana', 'free')
      const photo = entity('photo', { size: megabyte })
      const photos = Array.from({ length: 25 }, (_, index) => ({ ...photo, id: entity(`photo-${index}`).id }))
      const [first = photo] = photos
      const filling = Array.from({ length: 5 }, (_, round) =>
        push(ana, photos.slice(round * 5, round * 5 + 5), leaves(accepted(5), free - (round + 1) * 5 * megabyte)),
      )
      const tombstone = { ...entity('gone', { text: '0123456789', version: 2, deleted: true }), id: first.id }
      const [one, rest] = [entity('one', { size: 1 }), entity('rest', { size: megabyte - 11 })]
      return [
        ...filling,
        push(ana, [one], leaves(refused(413, 'QUOTA_EXCEEDED'), 0)),
        push(ana, [tombstone], leaves(accepted(1), megabyte - 10)),
        push(ana, [rest, { ...entity('two'), ...one, id: entity('two').id }, one], {
          ...refused(413, 'QUOTA_EXCEEDED'),
          json: {
            code: 'QUOTA_EXCEEDED',
            quota_bytes: free,
            held_bytes: free - megabyte + 10,
            needed_bytes: megabyte - 9,
          },
        }),
        push(ana, [rest, one], leaves(accepted(2), 0)),
        push(ana, [rest, one], leaves(accepted(2), 0)),
      ]
    },
  ),
  caseOf(promise, 'counted', 'A change counts by its difference, a repetition not at all', ({ person, entity }) => {
    const ana = person('ana', 'pro')
    const quota = 250 * megabyte
    const [small, large] = [entity('dose', { size: 100 }), entity('dose', { size: 900, version: 2 })]
    return [
      push(ana, [small], leaves(accepted(1), quota - 100)),
      push(ana, [small], leaves(accepted(1), quota - 100)),
      push(ana, [large], leaves(accepted(1), quota - 900)),
      pull(ana, '', page([large])),
    ]
  }),
  caseOf(promise, 'told', 'The quota of the tier is told beside the other limits', ({ person }) =>
    (['free', 'pro', 'perfect'] as const).map((tier) => ({
      as: person(tier, tier),
      ...get('/sync/config', {
        status: 200,
        json: { quota_bytes: { free, pro: 10 * free, perfect: 2_048 * megabyte }[tier], batch: { max: 100 } },
      }),
    })),
  ),
]
