import { readFileSync } from 'node:fs'
import type { ConnectionOptions } from 'node:tls'
import type { Client, ClientConfig } from 'pg'
import { failure, messageOf } from '../errors.ts'

/*
 * What the URL of a server says about TLS, in the words of libpq, taken strictly: a connection is checked as asked for, or there is
 * none. The driver's own reading would take `prefer` for an option and leave `channel_binding` out.
 */

const parameters = ['ssl', 'sslmode', 'sslrootcert', 'sslcert', 'sslkey', 'channel_binding'] as const

/** How a connection is protected. */
export interface Protected {
  /** For the driver: the URL without what is settled here, and the rest settled. */
  config: ClientConfig
  /**
   * Refuses a connection that is not bound to the server's certificate when the URL asks for it. To be called before `connect`; what it
   * returns after it, since a server may let anybody in without a proof.
   */
  guard(client: Client): () => void
}

/**
 * Reads the protection out of a URL.
 *
 * | `sslmode` | connection |
 * | --- | --- |
 * | none, `disable` | in the clear |
 * | `require`, `verify-full` | TLS; the certificate must lead to a known authority and name the host |
 * | `verify-ca` | TLS; the certificate must lead to `sslrootcert`, whatever host it names |
 *
 * Password proofs are bound to the certificate where the server can (`channel_binding=require` insists, `disable` forgoes it).
 * @throws POSTGRES_TLS for a mode that could end in the clear, and for a file that cannot be read.
 */
export function protectionOf(url: string, address: string): Protected {
  const parsed = new URL(url)
  const given = (name: (typeof parameters)[number]) => parsed.searchParams.get(name) ?? undefined
  const mode = given('sslmode') ?? (['true', '1'].includes(given('ssl') ?? '') ? 'verify-full' : 'disable')
  const binding = given('channel_binding') ?? 'prefer'
  const [rootFile, certFile, keyFile] = [given('sslrootcert'), given('sslcert'), given('sslkey')]
  for (const name of parameters) parsed.searchParams.delete(name)
  const refuse = (reason: string): never => {
    throw failure('POSTGRES_TLS', { address, reason })
  }
  const read = (file: string) => {
    try {
      return readFileSync(file, 'utf8')
    } catch (cause) {
      return refuse(`${file} cannot be read: ${messageOf(cause)}`)
    }
  }
  const connectionString = parsed.href
  if (mode === 'disable') {
    if (binding === 'require') refuse('channel_binding=require needs TLS, and sslmode is disable or absent')
    return { config: { connectionString, ssl: false }, guard: () => () => undefined }
  }
  if (!['require', 'verify-ca', 'verify-full'].includes(mode)) {
    refuse(`sslmode=${mode} may end in a connection nobody checked; use verify-full, verify-ca or disable`)
  }
  if (mode === 'verify-ca' && (rootFile === undefined || rootFile === 'system')) {
    refuse('sslmode=verify-ca needs sslrootcert: with public authorities anybody can have a certificate')
  }
  if ((certFile === undefined) !== (keyFile === undefined)) refuse('sslcert and sslkey belong together')
  const ssl: ConnectionOptions = {
    rejectUnauthorized: true,
    minVersion: 'TLSv1.2',
    ...(rootFile === undefined || rootFile === 'system' ? {} : { ca: read(rootFile) }),
    ...(certFile === undefined ? {} : { cert: read(certFile) }),
    ...(keyFile === undefined ? {} : { key: read(keyFile) }),
    ...(mode === 'verify-ca' ? { checkServerIdentity: () => undefined } : {}),
  }
  const guard = (client: Client) => {
    let bound = false
    client.connection.on('authenticationSASL', (message: { mechanisms: string[] }) => {
      bound = message.mechanisms.includes('SCRAM-SHA-256-PLUS')
      // Before the proof of the password is sent.
      if (!bound && binding === 'require') client.connection.stream.destroy(new Error(notBound))
    })
    return () => {
      if (!bound && binding === 'require') throw new Error(notBound)
    }
  }
  return { config: { connectionString, ssl, enableChannelBinding: binding !== 'disable' }, guard }
}

const notBound =
  'the server cannot bind the password proof to its certificate, which channel_binding=require insists on'

const reasons: Readonly<Record<string, string>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is signed by nobody; give it as sslrootcert if it is yours',
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate leads to an authority nobody here knows; give that as sslrootcert',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its certificate leads to an authority nobody here knows; give that as sslrootcert',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    'its certificate leads to an authority nobody here knows; give that as sslrootcert',
  UNABLE_TO_GET_ISSUER_CERT: 'its certificate leads to an authority nobody here knows; give that as sslrootcert',
  CERT_SIGNATURE_FAILURE: 'its certificate was not signed by the authority in sslrootcert',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet; is the clock of this machine right?',
}

/** Why TLS refused a connection, in words; undefined when it was something else. */
export function tlsRefusal(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined
  const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return `its certificate is for another host: ${error.message}`
  if (reasons[code] !== undefined) return reasons[code]
  if (error.message === 'The server does not support SSL connections') return 'it offers no TLS'
  if (error.message === notBound || code.startsWith('ERR_SSL_') || error.message.includes('SCRAM-SHA-256-PLUS')) {
    return error.message
  }
  return undefined
}
