import { openAlertStore } from './alert-store.ts'
import { alertRound, alertSetup } from './round.ts'
import { shop } from './shop.fixture.ts'

/*
 * A process to be killed: it runs round after round on the file it is given and says the number of each once it is kept.
 */

export const killedSetup = alertSetup(
  shop({ alerts: { errors: { when: 'errors > 5', for: '30s', severity: 'high', notify: ['pager'] } } }),
)

/** Fires for four rounds out of eight. */
export function killedEvaluation(round: number) {
  return round % 8 < 4 ? [{ labels: { route: '/pay' }, value: round }] : []
}

export const killedStepMs = 300_000

const [, , file] = process.argv
if (import.meta.main && file !== undefined) {
  const store = openAlertStore(file)
  for (let round = 0; ; round++) {
    const evaluate = () => killedEvaluation(round)
    const { state, notices } = alertRound(killedSetup, store.state(), { evaluate }, round * killedStepMs)
    store.commit(state, notices)
    process.stdout.write(`${round}\n`)
  }
}
