import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type RequestListener, type Server, STATUS_CODES } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { Duplex } from 'node:stream'
import type { FastifyInstance } from 'fastify'
import { ApiError, type ApiErrorCode } from './api-error.ts'
import { problemType } from './error-answer.ts'
import { type Certificate, tlsOptions } from './tls.ts'

/** How long a client may take, in milliseconds: one that is slow on purpose holds nothing for longer. */
export interface Patience {
  /** For the headers of a request. */
  headersMs: number
  /** For all of a request. */
  requestMs: number
  /** Without a byte in either direction. */
  idleMs: number
}

export const usualPatience: Patience = { headersMs: 10_000, requestMs: 60_000, idleMs: 90_000 }

/** Bytes of all headers; a token has about a thousand. */
const headerBytes = 16_384
/** How long whoever was refused may go on sending what nobody reads, milliseconds. */
const lingerMs = 1_000
/** Longer than load balancers keep a connection: they must not send into one that ends here. */
const keepAliveMs = 75_000

/** The server below the framework; with a certificate it speaks TLS 1.3 and nothing older. */
export function createListener(
  listener: RequestListener,
  patience: Patience,
  certificate: Certificate | undefined,
): Server {
  const options = {
    headersTimeout: patience.headersMs,
    requestTimeout: patience.requestMs,
    keepAliveTimeout: keepAliveMs,
    // Time limits are looked at this often.
    connectionsCheckingInterval: Math.min(1_000, patience.headersMs / 2),
    maxHeaderSize: headerBytes,
    // It would be refused with nothing in the answer; `requireHost` refuses it in our words.
    requireHostHeader: false,
  }
  const server =
    certificate === undefined
      ? createServer(options, listener)
      : createTlsServer({ ...options, ...tlsOptions(certificate), handshakeTimeout: patience.headersMs }, listener)
  server.timeout = patience.idleMs
  // Whatever else somebody expects is not waited for: Node would refuse it with nothing in the answer.
  server.on('checkExpectation', listener)
  return server
}

/** Refuses a request of HTTP/1.1 that does not say whom it asks, RFC 9112 §3.2. */
export function requireHost(server: FastifyInstance): void {
  server.addHook('onRequest', async ({ headers, raw }) => {
    if (headers.host === undefined && raw.httpVersion === '1.1') throw new ApiError('BAD_REQUEST')
  })
}

/**
 * Where the connection ends with an answer, what is still on its way is read first, for as long as `lingerMs`: the system breaks a connection
 * that is closed with bytes unread, and with it the answer, RFC 9112 §9.6.
 */
export function readToTheEnd(server: FastifyInstance): void {
  server.addHook('onSend', async ({ raw }, reply, payload) => {
    const ends = [raw.headers.connection, reply.getHeader('connection')].some((each) => each === 'close')
    if (ends && !raw.complete && !raw.destroyed) await drained(raw)
    return payload
  })
}

function drained(raw: IncomingMessage): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(enough)
      resolve()
    }
    const enough = setTimeout(done, lingerMs)
    raw.once('end', done).once('close', done).resume()
  })
}

/** What could not be read as HTTP is answered in the same words as anything else, and the connection ends. */
export function refuseUnreadable(error: NodeJS.ErrnoException, socket: Duplex): void {
  // What comes after the answer is dropped: hanging up at once would break the connection before the answer was read.
  if (socket.writableEnded) return
  if (!socket.writable) {
    socket.destroy()
    return
  }
  const hangUp = setTimeout(() => socket.destroy(), lingerMs)
  socket.once('close', () => clearTimeout(hangUp))
  const problem = new ApiError(codeOf(error))
  const body = JSON.stringify(problem.body(randomUUID()))
  socket.end(
    [
      `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status] ?? problem.code}`,
      `content-type: ${problemType}`,
      `content-length: ${Buffer.byteLength(body)}`,
      'connection: close',
      '',
      // What answers a HEAD has no body, whatever its length says.
      asksForHead(error) ? '' : body,
    ].join('\r\n'),
  )
}

function asksForHead(error: NodeJS.ErrnoException): boolean {
  if (!('rawPacket' in error) || !Buffer.isBuffer(error.rawPacket)) return false
  return error.rawPacket.subarray(0, 5).toString('latin1') === 'HEAD '
}

function codeOf({ code }: NodeJS.ErrnoException): ApiErrorCode {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return 'TOO_SLOW'
  return code === 'HPE_HEADER_OVERFLOW' ? 'HEADERS_TOO_LARGE' : 'BAD_REQUEST'
}
