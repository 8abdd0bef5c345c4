import { type Ask, inTransaction } from 'aval'

/** For whom a connection speaks. */
export interface Speaker {
  /** URL of the role, asked anew for every use. */
  url(): string
  /** Id of the signed-in person; without it nobody is signed in. */
  person?: string
}

/** One transaction as PostgREST makes it: in the role, with the claims of the person. */
export function speak<T>({ url, person }: Speaker, work: (ask: Ask) => Promise<T>): Promise<T> {
  const settings: Record<string, string> =
    person === undefined ? {} : { 'request.jwt.claims': JSON.stringify({ sub: person, role: 'authenticated' }) }
  return inTransaction({ url: url(), settings }, work)
}
