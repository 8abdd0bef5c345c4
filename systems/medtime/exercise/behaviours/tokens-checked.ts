import type { Defect } from '../people.ts'
import { accepted, page, unauthenticated } from './answers.ts'
import { caseOf, get, pull, push, raw, status } from './scene.ts'

const promise = 'tokens-checked'

/** Refused on every route, and nothing was written under it. */
const defective = (defect: Defect, title: string) =>
  caseOf(promise, defect, title, ({ person, defective: with_, entity }) => {
    const bad = with_('ana', defect)
    return [
      push(bad, [entity('dose')], unauthenticated),
      pull(bad, '', unauthenticated),
      status(bad, unauthenticated),
      pull(person('ana'), '', page([])),
    ]
  })

export const tokensChecked = [
  caseOf(promise, 'sound', 'A sound token is let in', ({ person, entity }) => [
    push(person('ana'), [entity('dose')], accepted(1)),
    status(person('ana'), { status: 200 }),
  ]),
  caseOf(promise, 'missing', 'Without a token nothing is let in', ({ entity }) => {
    const json = { device_id: 'device-1', entities: [entity('dose')] }
    return [
      raw({ method: 'POST', path: '/sync/push', json }, unauthenticated),
      get('/sync/pull', unauthenticated),
      get('/sync/status', unauthenticated),
    ]
  }),
  caseOf(promise, 'malformed', 'What is no token is not let in', () =>
    ['Bearer', 'Bearer x', 'Bearer a.b.c', 'Basic YW5hOmFuYQ==', 'Bearer ..', `Bearer ${'A'.repeat(4_000)}`].map(
      (authorization) => raw({ method: 'GET', path: '/sync/pull', headers: { authorization } }, unauthenticated),
    ),
  ),
  defective('expired', 'An expired token is not let in'),
  defective('other-audience', 'A token for another audience is not let in'),
  defective('other-issuer', 'A token of another issuer is not let in'),
  defective('other-key', 'A token signed with another key is not let in'),
  defective('unsigned', 'A token with algorithm "none" is not let in'),
  defective('symmetric', 'A token signed with the public key as a shared secret is not let in'),
  defective('changed', 'A token whose claims were changed after signing is not let in'),
  defective('without-tier', 'A token without the tier claim is not let in'),
  defective('subject-no-uuid', 'A token whose subject is no user id is not let in'),
]
