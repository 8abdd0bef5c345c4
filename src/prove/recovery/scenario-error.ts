import { AvalError, messageOf } from '../../errors.ts'

/** A procedure that could not be carried out to its end: what was promised is not so. */
export class ScenarioFailed extends Error {
  readonly next: string | undefined
  constructor(step: string, cause: unknown) {
    super(`"${step}": ${messageOf(cause)}`, { cause })
    this.next = cause instanceof AvalError ? cause.next : undefined
  }
}

/** Nothing was found out: the scenario could not begin. */
export class ScenarioUnready extends Error {}
