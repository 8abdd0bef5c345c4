import type { ProofSession } from './prover.ts'

/** Work that several proofs of a session rest on: done on first use, its outcome (a failure as well) read by all. */
export function oncePerSession<T>(work: (session: ProofSession) => Promise<T>): (session: ProofSession) => Promise<T> {
  const outcomes = new WeakMap<ProofSession, Promise<T>>()
  return (session) => {
    const known = outcomes.get(session)
    if (known) return known
    const outcome = work(session)
    outcomes.set(session, outcome)
    return outcome
  }
}
