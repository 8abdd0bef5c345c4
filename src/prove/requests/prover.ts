import { type Effort, efforts, type Prover } from '../prover.ts'
import { proveRequests } from './prove-requests.ts'

/** Requests for each sample of other proofs: every operation is asked several times even in a quick look. */
const requestsASample = 3

/** Requests that a full proof sends to each service. */
export const fullRequests = efforts.full.samples * requestsASample

/** How much so many requests to a service are of a full proof. */
export function effortOf(sent: number): Effort['name'] {
  return sent >= fullRequests ? 'full' : 'fast'
}

/** Sends requests of every kind for every operation that a service's OpenAPI document names. `aval soak requests` sends more. */
export const requestsProver: Prover = {
  kind: 'behaviour',
  accepts: (guarantee) => guarantee.path[0] === 'services' && guarantee.path[2] === 'openapi',
  async *prove(guarantees, session) {
    const count = session.effort.samples * requestsASample
    for (const guarantee of guarantees) {
      yield await proveRequests(guarantee, session, {
        casesOfAnOperation: session.effort.name === 'fast' ? 1 : 3,
        until: (sent) => sent < count,
        told: () => undefined,
      })
    }
  },
  mutants: [],
}
