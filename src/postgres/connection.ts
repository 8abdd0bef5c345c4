import { Client, DatabaseError } from 'pg'
import { failure, messageOf } from '../errors.ts'
import { protectionOf, tlsRefusal } from './tls.ts'

/**
 * Connects, does the work, disconnects whatever happens.
 * @param url `postgresql://user:password@host:port/database`; its `sslmode` and the like: see `protectionOf`.
 * @throws POSTGRES_UNREACHABLE, POSTGRES_ACCESS_DENIED, POSTGRES_TLS when there is no connection; errors of the work pass unchanged.
 */
export async function withClient<T>(url: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = await connect(url)
  try {
    return await work(client)
  } finally {
    await client.end().catch(() => undefined)
  }
}

/** A connected client; whoever asked for it ends it. */
export async function connect(url: string): Promise<Client> {
  const { config, guard } = protectionOf(url, addressOf(url))
  const client = new Client({ ...config, application_name: 'aval', connectionTimeoutMillis: 15_000 })
  const confirm = guard(client)
  // A connection that breaks while nobody waits on it would end the process; whoever uses it next gets the error.
  client.on('error', () => undefined)
  try {
    await client.connect()
    confirm()
    return client
  } catch (cause) {
    await client.end().catch(() => undefined)
    throw connectionFailure(url, cause)
  }
}

/** Host, port and database of a URL, without whatever proves identity. */
export function addressOf(url: string): string {
  try {
    const { hostname, port, pathname } = new URL(url)
    return `${decodeURIComponent(hostname)}${port ? `:${port}` : ''}${pathname}`
  } catch {
    return 'an address that is not a URL'
  }
}

/** What kept a connection from being made. */
export function connectionFailure(url: string, cause: unknown): Error {
  const address = addressOf(url)
  const refusal = tlsRefusal(cause)
  if (refusal !== undefined) return failure('POSTGRES_TLS', { address, reason: refusal }, { cause })
  if (cause instanceof DatabaseError) {
    // Class 28 is authentication, 3D000 a database that is not there; the others (starting up, too many clients) pass.
    const refused = cause.code?.startsWith('28') === true || cause.code === '3D000'
    if (refused) return failure('POSTGRES_ACCESS_DENIED', { address, reason: cause.message }, { cause })
  }
  return failure('POSTGRES_UNREACHABLE', { address, reason: messageOf(cause) || 'no answer' }, { cause })
}

/**
 * What a connection that is cut, or ended by a server that goes away, is for people: the server cannot be reached, as the refusals
 * that follow tell as well. Every other error is given back as it is.
 */
export function outageOf(error: unknown, url: string): unknown {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  // Class 57P: ended by an administrator, by a crash of another process, or starting up.
  const cut = code === 'ECONNRESET' || code === 'EPIPE' || /^57P..$/.test(code)
  if (!cut && !/^Connection terminated/.test(messageOf(error))) return error
  return failure('POSTGRES_UNREACHABLE', { address: addressOf(url), reason: messageOf(error) }, { cause: error })
}
