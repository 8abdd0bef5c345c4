import type { TokenSource } from '../token-source.ts'

/** What a trial is made with. */
export interface TrialTools {
  /** Base address of a service, asked anew before every use. */
  address(service: string): string
  /** The database as a role of the plan reaches it. */
  databaseUrl(role: string): string
  /** A token of a user by id. */
  tokensOf(user: string): TokenSource
  newId(): string
  /** Milliseconds since the epoch. */
  now(): number
  /** Id of a break of the clients that is to be made. */
  mutation: string | undefined
}

/** The differences among what was expected and what was found, in words. */
export function differences(...checks: readonly [what: string, found: unknown, expected: unknown][]): string[] {
  return checks.flatMap(([what, found, expected]) => {
    const [is, should] = [JSON.stringify(found), JSON.stringify(expected)]
    return is === should ? [] : [`${what}: expected ${should}, found ${is}`]
  })
}
