import type { AccountNews, FactDigests } from './account-news.ts'
import type { MarkState } from './mark-state.ts'
import type { WarningKind } from './notice.ts'
import { check, type PinnedFact, type PinnedFacts, settle } from './pinned.ts'

/**
 * Takes what a sign-in learned into what the devices stand for. What nobody has spoken of yet is pinned as it was shown: trust on
 * first use, also for an account from before facts were pinned.
 * @returns the facts that are not what they should be
 */
export function takeNews(marks: MarkState, { shown, made }: AccountNews): { marks: MarkState; changed: PinnedFact[] } {
  let { facts } = marks
  // What was made here counts once the server shows it. Until then it may have been overtaken by a device that was faster.
  const arrived = made?.keys !== undefined && made.keys === shown.keys
  for (const [fact, digest] of arrived ? entriesOf(made) : []) {
    if (facts[fact]?.digests.join() !== digest) facts = settle(facts, fact, digest)
  }
  const changed: PinnedFact[] = []
  for (const [fact, digest] of entriesOf(shown)) {
    const found = check(facts, fact, digest)
    if (found === 'unknown') facts = settle(facts, fact, digest)
    // The recovery code that was shown to the person opens something else than what is there.
    const lost = fact === 'recovery' && made?.recovery !== undefined && made.recovery !== digest
    if (found === 'changed' || lost) changed.push(fact)
  }
  return { marks: { ...marks, facts, unpublished: marks.unpublished || !same(facts, marks.facts) }, changed }
}

/** What a person is told of a fact that is not what the devices stand for. */
export function warningOf(fact: PinnedFact): WarningKind {
  switch (fact) {
    case 'keys':
      return 'keys-replaced'
    case 'kdf':
      return 'kdf-changed'
    case 'recovery':
      return 'recovery-replaced'
    default:
      return 'caregiver-key-replaced'
  }
}

function entriesOf({ keys, kdf, recovery }: FactDigests): [PinnedFact, string][] {
  const all: [PinnedFact, string | undefined][] = [
    ['keys', keys],
    ['kdf', kdf],
    ['recovery', recovery],
  ]
  return all.flatMap(([fact, digest]): [PinnedFact, string][] => (digest === undefined ? [] : [[fact, digest]]))
}

function same(left: PinnedFacts, right: PinnedFacts): boolean {
  return JSON.stringify(left) === JSON.stringify(right)
}
