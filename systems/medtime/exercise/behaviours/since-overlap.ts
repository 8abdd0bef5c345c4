import { accepted, page, refused } from './answers.ts'
import { caseOf, pull, push } from './scene.ts'

const promise = 'since-overlap'
const writtenAt = { save: { at: '/entities/0/updated_at' } }

export const sinceOverlap = [
  caseOf(
    promise,
    'own-moment',
    'Asked since the moment of a write, the write itself is there',
    ({ person, entity }) => {
      const ana = person('ana')
      return [
        push(ana, [entity('dose')], accepted(1)),
        pull(ana, '', page([entity('dose')]), writtenAt),
        pull(ana, 'since={{at}}', page([entity('dose')])),
      ]
    },
  ),
  caseOf(promise, 'two-minutes', 'The overlap is two minutes: what is older is left out', ({ person, entity }) => {
    const ana = person('ana')
    return [
      push(ana, [entity('dose')], accepted(1)),
      pull(ana, '', page([entity('dose')]), writtenAt),
      pull(ana, 'since={{at+119s}}', page([entity('dose')])),
      pull(ana, 'since={{at+121s}}', page([])),
    ]
  }),
  caseOf(promise, 'long-ago', 'Since long ago is everything, page by page', ({ person, entities }) => {
    const ana = person('ana')
    const all = entities('dose', 5)
    return [
      push(ana, all, accepted(5)),
      pull(ana, 'since=2000-01-01T00:00:00Z&limit=3', page(all.slice(0, 3), { more: true }), {
        save: { cursor: '/cursor' },
      }),
      pull(ana, 'cursor={{cursor}}&limit=3', page(all.slice(3))),
    ]
  }),
  caseOf(promise, 'zones', 'A moment may be told in any zone', ({ person, entity }) => {
    const ana = person('ana')
    return [
      push(ana, [entity('dose')], accepted(1)),
      pull(ana, 'since=2000-01-01T00:00:00-06:00', page([entity('dose')])),
      pull(ana, 'since=2000-01-01T00:00:00.000%2B02:00', page([entity('dose')])),
    ]
  }),
  caseOf(promise, 'malformed', 'What is no moment is refused', ({ person }) => {
    const ana = person('ana')
    return ['yesterday', '1700000000', '2026-01-01', '2026-13-01T00:00:00Z', '2026-01-01T00:00:00', ''].map((since) =>
      pull(ana, `since=${since}`, refused(400, 'BAD_REQUEST')),
    )
  }),
]
