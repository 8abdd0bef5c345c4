import { isIP } from 'node:net'
import { connect } from 'node:tls'
import { hostAndPort } from './outcome.ts'

export interface CertificateFound {
  /** Milliseconds since the epoch. */
  expiresMs: number
  /** Why a client would refuse it, in OpenSSL's word; undefined when it would not. */
  refusal: string | undefined
}

/**
 * The certificate that a listener shows, an expired one too.
 * @param address `host:port`.
 * @param authorities PEM of whom to trust instead of the system's.
 */
export function servedCertificate(
  address: string,
  signal: AbortSignal,
  authorities?: string,
): Promise<CertificateFound> {
  const { host, port } = hostAndPort(address)
  return new Promise((resolve, reject) => {
    const name = isIP(host) ? {} : { servername: host }
    const socket = connect({
      host,
      port,
      ...name,
      rejectUnauthorized: false,
      ...(authorities ? { ca: authorities } : {}),
    })
    const stop = () => socket.destroy(signal.reason instanceof Error ? signal.reason : new Error('stopped'))
    signal.addEventListener('abort', stop, { once: true })
    if (signal.aborted) stop()
    socket.once('close', () => signal.removeEventListener('abort', stop))
    socket.once('error', reject)
    socket.once('secureConnect', () => {
      const { authorizationError } = socket
      const expiresMs = Date.parse(socket.getPeerCertificate().valid_to)
      socket.destroy()
      const refusal = socket.authorized ? undefined : wordOf(authorizationError)
      resolve({ expiresMs, refusal })
    })
  })
}

function wordOf(error: unknown): string {
  if (error instanceof Error) return 'code' in error ? String(error.code) : 'refused'
  return typeof error === 'string' ? error : 'refused'
}
