import type { Prover } from '../prover.ts'
import { proveByCases } from './by-cases.ts'

/** Runs the cases of the exercise over the wire against the running system; a promise is the sum of its cases. */
export const behaviourProver: Prover = {
  kind: 'behaviour',
  accepts: (guarantee) => guarantee.path[0] === 'services' && guarantee.path[2] === 'promises',
  prove: (guarantees, session) =>
    proveByCases(guarantees, session, (guarantee) => guarantee.id.split('/').slice(1).join('/')),
  mutants: [],
}
