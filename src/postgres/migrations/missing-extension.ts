import { DatabaseError } from 'pg'

/** Which extension a migration failed for that its server does not offer; undefined where it failed for another reason. */
export function missingExtension(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined
  if (!(error instanceof DatabaseError)) return missingExtension(error.cause)
  return error.code === '0A000' ? /^extension "([^"]+)" is not available$/.exec(error.message)?.[1] : undefined
}

/** What to do about one. */
export function howToOffer(extension: string): string {
  return `Install ${extension} beside a Postgres of this machine, and write servers: { development: 'installed' } into the plan`
}
