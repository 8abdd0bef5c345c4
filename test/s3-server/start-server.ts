import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'
import { type Bucket, makeBucket } from './bucket.ts'
import { type Fault, makeFaults, type Operation } from './faults.ts'
import { type Behaviour, carryOut, type Given, operationOf } from './operations.ts'
import { Refused, refusalBody, xml } from './refusals.ts'
import { verifySignature } from './signature.ts'

export interface S3ServerOptions {
  bucket?: string
  region?: string
  versioning?: boolean
  /** Every new version cannot be removed for so long; implies versioning. */
  lockMs?: number
  /** As services that are compatible only in part: what they do with conditions on writes. */
  conditions?: Behaviour['conditions']
  checksums?: Behaviour['checksums']
  /** Keys of a page of a listing; 1000. */
  pageSize?: number
  now?: () => number
}

export interface S3Server {
  /** `http://127.0.0.1:<port>`. */
  url: string
  bucket: string
  region: string
  accessKeyId: string
  secretAccessKey: string
  /** What a plan's variable holds: `s3://bucket/prefix?endpoint=...&region=...`. */
  location(prefix?: string): string
  /** @returns lifts the fault. */
  fault(fault: Fault): () => void
  /** Operations that were asked for so far, with their keys. */
  requests(): readonly { operation: Operation; key: string; bytes: number }[]
  /** What it holds, for looking in from behind. */
  held: Bucket
  close(): Promise<void>
}

/**
 * An S3 service on loopback for tests: strict where the real one is (signatures, conditions, checksums, sizes of parts, locks), with
 * faults on demand. It holds everything in memory.
 */
export async function startS3Server(options: S3ServerOptions = {}): Promise<S3Server> {
  const { bucket: name = 'aval-test', region = 'us-west-2', lockMs, now = Date.now } = options
  const keys = { accessKeyId: 'AKIATESTTESTTESTTEST', secretAccessKey: 'a+secret/of-tests', region }
  const versioning = options.versioning === true || lockMs !== undefined
  const bucket = makeBucket({ versioning, lockMs, now })
  const faults = makeFaults()
  const seen: { operation: Operation; key: string; bytes: number }[] = []

  const handle = async (request: IncomingMessage, response: ServerResponse) => {
    const parts: Uint8Array[] = []
    for await (const part of request) if (part instanceof Uint8Array) parts.push(part)
    const body = Buffer.concat(parts)
    const url = new URL(request.url ?? '/', 'http://127.0.0.1')
    const [, asked = '', ...rest] = url.pathname.split('/')
    const key = decodeURIComponent(rest.join('/'))
    const method = request.method ?? 'GET'
    let fault: Fault | undefined
    let given: Given
    try {
      verifySignature(
        { method, path: url.pathname, query: [...url.searchParams], headers: request.headers, body },
        keys,
        now(),
      )
      if (asked !== name) throw new Refused(404, 'NoSuchBucket', 'The specified bucket does not exist')
      const query = new Map(url.searchParams)
      const operation = operationOf(method, key, query)
      seen.push({ operation, key, bytes: body.length })
      fault = faults.meeting(operation, key)
      if (fault?.kind === 'reset') return void request.socket.destroy()
      if (fault?.kind === 'slow') await pause(fault.ms ?? 200)
      if (fault?.kind === 'conflict' && operation === 'CompleteUpload') bucket.abort(key, query.get('uploadId') ?? '')
      refuseFor(fault)
      const behaviour: Behaviour = {
        bucket,
        name,
        conditions: options.conditions ?? 'enforced',
        checksums: options.checksums ?? 'verified',
        pageSize: options.pageSize ?? 1000,
        lockMs,
        versioning,
        listedUntil: fault?.kind === 'stale-listing' ? now() - (fault.ms ?? 200) : Number.POSITIVE_INFINITY,
      }
      given =
        fault?.kind === 'error-in-body'
          ? {
              status: 200,
              body: xml('Error', '<Code>InternalError</Code><Message>We encountered an internal error.</Message>'),
            }
          : carryOut({ operation, key, query, headers: request.headers, body }, behaviour)
      if (fault?.kind === 'failed-after')
        throw new Refused(500, 'InternalError', 'We encountered an internal error. Please try again.')
    } catch (error) {
      if (!(error instanceof Refused)) throw error
      given = { status: error.status, body: refusalBody(error, key) }
    }
    if (fault?.kind === 'answer-lost') return void request.socket.destroy()
    send(response, method, given, fault?.kind === 'truncated')
  }

  const server = createServer((request, response) => {
    handle(request, response).catch(() => response.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the server has no port')
  const url = `http://127.0.0.1:${address.port}`
  return {
    url,
    bucket: name,
    region,
    accessKeyId: keys.accessKeyId,
    secretAccessKey: keys.secretAccessKey,
    location: (prefix = 'aval') => `s3://${name}/${prefix}?region=${region}&endpoint=${encodeURIComponent(url)}`,
    fault: faults.add,
    requests: () => seen,
    held: bucket,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

function refuseFor(fault: Fault | undefined): void {
  switch (fault?.kind) {
    case 'slow-down':
      throw new Refused(503, 'SlowDown', 'Please reduce your request rate.')
    case 'internal-error':
      throw new Refused(500, 'InternalError', 'We encountered an internal error. Please try again.')
    case 'full':
      throw new Refused(403, 'QuotaExceeded', 'The quota set for the bucket has been exceeded.')
    case 'read-only':
      throw new Refused(403, 'AccessDenied', 'Access Denied')
    case 'conflict':
      throw new Refused(
        409,
        'ConditionalRequestConflict',
        'The conditional request cannot succeed due to a conflicting operation.',
      )
    default:
  }
}

function send(response: ServerResponse, method: string, given: Given, truncated: boolean): void {
  const body = typeof given.body === 'string' ? Buffer.from(given.body) : given.body
  const length = body === undefined ? {} : { 'content-length': String(body.length) }
  response.writeHead(given.status, { ...length, ...given.headers })
  if (method === 'HEAD' || body === undefined) return void response.end()
  if (!truncated) return void response.end(body)
  response.write(body.subarray(0, Math.floor(body.length / 2)), () => response.destroy())
}
