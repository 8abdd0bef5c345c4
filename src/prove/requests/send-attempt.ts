import { Agent, request } from 'node:http'
import { connect } from 'node:net'
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib'
import type { Attempt } from './draft.ts'

export interface Answer {
  status: number
  headers: Record<string, string>
  /** As it was before it was encoded. */
  body: string
}

/** Why there was none: a connection that broke or a time limit is something the service did. */
export interface Unanswered {
  unanswered: string
}

export interface Sender {
  send(attempt: Attempt): Promise<Answer | Unanswered>
  close(): void
}

/** @param address of the service, such as `http://127.0.0.1:4711` */
export function createSender(address: string, timeLimitMs: number): Sender {
  const { hostname, port } = new URL(address)
  // Never the connection of an earlier request: the server may be ending it just now, and nobody could tell whose fault it is.
  const agent = new Agent({ keepAlive: false })
  const overHttp = (attempt: Attempt) =>
    new Promise<Answer | Unanswered>((resolve) => {
      const length: [string, string][] =
        attempt.body === undefined ? [] : [['content-length', String(attempt.body.length)]]
      const headers = [
        ['host', `${hostname}:${port}`],
        ...attempt.headers.filter(([name]) => name !== 'content-length'),
        ...length,
      ]
      const outgoing = request({
        agent,
        hostname,
        port,
        method: attempt.method,
        path: attempt.target,
        headers: headers.flat(),
        signal: AbortSignal.timeout(timeLimitMs),
      })
      outgoing.on('response', (incoming) => {
        const told = { status: incoming.statusCode ?? 0, headers: flat(incoming.headers) }
        // A stream of events has no end to wait for.
        if (told.headers['content-type']?.startsWith('text/event-stream') && told.status === 200) {
          resolve({ ...told, body: '' })
          incoming.destroy()
          return
        }
        const chunks: Buffer[] = []
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
        incoming.on('end', () => resolve({ ...told, body: decoded(Buffer.concat(chunks), told.headers) }))
        incoming.on('error', (error) => resolve({ unanswered: `the answer broke off: ${nameOf(error)}` }))
      })
      outgoing.on('upgrade', (incoming, socket) => {
        resolve({ status: incoming.statusCode ?? 0, headers: flat(incoming.headers), body: '' })
        socket.destroy()
      })
      // A body may be refused before all of it was sent: then the answer has come, and the broken pipe says nothing.
      outgoing.on('error', (error) => resolve({ unanswered: nameOf(error) }))
      outgoing.end(attempt.body)
    })

  const overSocket = (bytes: Buffer) =>
    new Promise<Answer | Unanswered>((resolve) => {
      const chunks: Buffer[] = []
      const socket = connect({ host: hostname, port: Number(port) }, () => socket.write(bytes))
      const end = () => {
        socket.destroy()
        resolve(parseAnswer(Buffer.concat(chunks)))
      }
      // What no answer comes to before half a second has passed was taken for the beginning of a request: the service waits.
      socket.setTimeout(500, end)
      socket.on('data', (chunk: Buffer) => chunks.push(chunk))
      socket.on('end', end)
      socket.on('error', end)
    })

  return {
    send: (attempt) => (attempt.raw === undefined ? overHttp(attempt) : overSocket(attempt.raw)),
    close: () => agent.destroy(),
  }
}

function flat(headers: NodeJS.Dict<string | string[]>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [value ?? []].flat().join(', ')]))
}

function parseAnswer(bytes: Buffer): Answer | Unanswered {
  const text = bytes.toString('latin1')
  const [head = '', ...rest] = text.split('\r\n\r\n')
  const [first = '', ...lines] = head.split('\r\n')
  const status = /^HTTP\/1\.[01] (\d{3})/.exec(first)?.[1]
  if (status === undefined)
    return { unanswered: bytes.length === 0 ? 'nothing was answered' : 'the answer was no HTTP' }
  const headers = lines.map((line): [string, string] => {
    const colon = line.indexOf(':')
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]
  })
  const told = Object.fromEntries(headers)
  const all = rest.join('\r\n\r\n')
  if (told['transfer-encoding'] === 'chunked') return { status: Number(status), headers: told, body: joined(all) }
  // What stands behind it is the answer to another request.
  return { status: Number(status), headers: told, body: all.slice(0, Number(told['content-length'] ?? all.length)) }
}

/** The pieces of a chunked body as one. */
function joined(text: string): string {
  const size = /^([0-9a-f]+)\r\n/i.exec(text)
  const length = Number.parseInt(size?.[1] ?? '0', 16)
  if (size === null || length === 0) return ''
  const start = size[0].length
  return text.slice(start, start + length) + joined(text.slice(start + length + 2))
}

function decoded(bytes: Buffer, headers: Record<string, string>): string {
  const decoders: Record<string, (bytes: Buffer) => Buffer> = {
    gzip: gunzipSync,
    zstd: zstdDecompressSync,
    br: brotliDecompressSync,
  }
  const decode = decoders[headers['content-encoding'] ?? '']
  if (decode === undefined || bytes.length === 0) return bytes.toString('utf8')
  try {
    return decode(bytes).toString('utf8')
  } catch {
    return `an encoding that does not open: ${bytes.toString('latin1')}`
  }
}

function nameOf(error: Error): string {
  if (error.name === 'AbortError' || error.name === 'TimeoutError') return 'no answer in time'
  return 'code' in error && typeof error.code === 'string' ? error.code : error.message
}
