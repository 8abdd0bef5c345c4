import { Client, type Connection, type Submittable } from 'pg'
import { addressOf, connectionFailure } from '../../postgres/connection.ts'
import { protectionOf } from '../../postgres/tls.ts'
import { frugalSocket } from '../backup/frugal-socket.ts'
import { release } from '../repository/chunk-cipher.ts'

/** One row of an answer, its columns in order. */
export type Row = readonly (string | null)[]

/** A connection that speaks the streaming replication protocol. */
export interface ReplicationConnection {
  /** Runs a replication command and gives the rows of its last result. */
  query(command: string): Promise<Row[]>
  /** Runs a command that answers with a stream of messages. One at a time. */
  copy(command: string): CopyStream
  /**
   * The same for much data: `take` is given every payload in the driver's own memory, which is used again when it returns. On false
   * the server is made to wait until `resume`.
   */
  copy(command: string, take: (payload: Buffer) => boolean): CopyStream
  /** Runs a command that takes a copy from us, and gives it this. */
  upload(command: string, content: Buffer): Promise<void>
  /** Resolves when the connection is closed, politely or not. */
  close(): Promise<void>
  /** Cuts the connection at once; whatever runs on it fails. */
  destroy(): void
}

export interface CopyStream {
  /** Results that came before the stream. Resolves when the stream opens. */
  before: Promise<Row[][]>
  /** Payloads of the messages, each valid until the next is asked for. The server waits while nobody takes them. */
  messages: AsyncIterable<Buffer>
  /** How many messages have arrived and were not taken yet. */
  waiting(): number
  /** Results that came after the stream. Resolves when the command is complete. */
  after: Promise<Row[][]>
  /** Lets the server go on. */
  resume(): void
  /** Sends a message to the server; only while a copy in both directions is open. */
  send(message: Uint8Array): void
  /** Ends our side of a copy in both directions. */
  finish(): void
}

/** A command that has no answer by then will have none; a copy has no such limit. */
const answerMs = 30_000
/** A polite end that the server does not react to. */
const goodbyeMs = 2_000

/**
 * Opens a replication connection.
 * @param url of a role with REPLICATION.
 * @param name shown in pg_stat_replication; what synchronous_standby_names refers to.
 * @param options.senderTimeoutMs after which the server gives up a receiver it does not hear from; its own setting unless told.
 * @throws POSTGRES_UNREACHABLE, POSTGRES_ACCESS_DENIED, POSTGRES_TLS
 */
export async function connectReplication(
  url: string,
  name: string,
  options: { senderTimeoutMs?: number; frugal?: boolean } = {},
): Promise<ReplicationConnection> {
  const address = new URL(url)
  address.searchParams.set('replication', 'true')
  if (options.senderTimeoutMs !== undefined) {
    const given = address.searchParams.get('options')
    const timeout = `-c wal_sender_timeout=${Math.ceil(options.senderTimeoutMs)}`
    address.searchParams.set('options', given === null ? timeout : `${given} ${timeout}`)
  }
  const { config, guard } = protectionOf(address.href, addressOf(url))
  const client = new Client({
    ...config,
    application_name: name,
    connectionTimeoutMillis: 15_000,
    keepAlive: true,
    // Behind TLS the memory is not ours to choose.
    ...(options.frugal && config.ssl === false ? { stream: () => frugalSocket() } : {}),
  })
  const confirm = guard(client)
  // Errors reach whoever waits on a command; without a listener they would end the process.
  client.on('error', () => undefined)
  try {
    await client.connect()
    confirm()
  } catch (cause) {
    client.connection.stream.destroy()
    throw connectionFailure(url, cause)
  }
  const destroy = () => {
    client.connection.stream.destroy()
  }
  /** Nothing here waits for ever on a server that was frozen or a network that swallows what it is given. */
  const within = async <T>(ms: number, work: Promise<T>): Promise<T> => {
    const timer = setTimeout(destroy, ms)
    try {
      return await work
    } finally {
      clearTimeout(timer)
    }
  }
  return {
    query: async (command) => {
      const result = await within(answerMs, client.query<(string | null)[]>({ text: command, rowMode: 'array' }))
      return result.rows.map((row) => row.map((value) => (value === null ? null : String(value))))
    },
    copy: (command: string, take?: (payload: Buffer) => boolean) => copyStream(client, command, take),
    upload: (command, content) => within(answerMs, upload(client, command, content)),
    close: () =>
      within(
        goodbyeMs,
        client.end().catch(() => undefined),
      ),
    destroy,
  }
}

/** Bytes held before the server is made to wait, and below which it may go on. */
const pauseAbove = 4_194_304
const resumeBelow = 1_048_576

interface DataRow {
  fields: (string | null)[]
}

/**
 * The driver hands every message of the protocol to the query that is active, so that a query object of our own sees the
 * copy without replacing any of the driver's listeners.
 */
function copyStream(client: Client, command: string, take?: (payload: Buffer) => boolean): CopyStream {
  const before = Promise.withResolvers<Row[][]>()
  const after = Promise.withResolvers<Row[][]>()
  // Both fail together with the messages, which is where a caller looks; neither must count as unhandled.
  before.promise.catch(() => undefined)
  after.promise.catch(() => undefined)

  let results: Row[][] = []
  let rows: Row[] = []
  const queue: Buffer[] = []
  let queued = 0
  let ended = false
  let broken: { error: unknown } | undefined
  let wake = () => {}
  let connection: Connection | undefined

  const opened = () => {
    before.resolve(results)
    results = []
  }
  const closed = () => {
    ended = true
    wake()
  }
  const listen = (on: Connection) => {
    connection = on
    on.on('copyOutResponse', opened)
    on.on('replicationStart', opened)
    on.on('copyDone', closed)
  }
  const unlisten = () => {
    connection?.off('copyOutResponse', opened)
    connection?.off('replicationStart', opened)
    connection?.off('copyDone', closed)
    connection?.stream.resume()
  }
  const query = {
    submit: (on: Connection) => {
      listen(on)
      on.query(command)
    },
    handleRowDescription: () => {
      rows = []
    },
    handleDataRow: (message: DataRow) => {
      rows.push([...message.fields])
    },
    handleCommandComplete: () => {
      results.push(rows)
      rows = []
    },
    handlePortalSuspended: () => {},
    handleEmptyQuery: () => {},
    handleCopyInResponse: () => {},
    handleCopyData: (message: { chunk: Buffer }) => {
      if (take) {
        if (!take(message.chunk)) connection?.stream.pause()
        return
      }
      // The driver's parser uses its buffer again as soon as this returns.
      const copy = Buffer.from(message.chunk)
      queue.push(copy)
      queued += copy.length
      if (queued > pauseAbove) connection?.stream.pause()
      wake()
    },
    handleReadyForQuery: () => {
      unlisten()
      if (rows.length > 0) results.push(rows)
      before.resolve(results)
      after.resolve(results)
      closed()
    },
    handleError: (error: unknown) => {
      unlisten()
      broken = { error }
      before.reject(error)
      after.reject(error)
      closed()
    },
  } satisfies Submittable & Record<string, unknown>

  async function* messages(): AsyncIterable<Buffer> {
    for (;;) {
      const message = queue.shift()
      if (message) {
        queued -= message.length
        if (queued < resumeBelow) connection?.stream.resume()
        yield message
        release(message)
        continue
      }
      if (broken) throw broken.error
      if (ended) return
      await new Promise<void>((resolve) => {
        wake = resolve
      })
    }
  }

  client.query(query)
  return {
    before: before.promise,
    after: after.promise,
    messages: messages(),
    waiting: () => queue.length,
    resume: () => connection?.stream.resume(),
    send: (message) => {
      connection?.stream.write(frame('d', message))
    },
    finish: () => {
      connection?.stream.write(frame('c', new Uint8Array()))
    },
  }
}

/** Bytes of one message of an upload. */
const uploadBytes = 65_536

function upload(client: Client, command: string, content: Buffer): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const query = {
    submit: (on: Connection) => {
      on.query(command)
    },
    handleCopyInResponse: (on: Connection) => {
      for (let at = 0; at < content.length; at += uploadBytes) {
        on.stream.write(frame('d', content.subarray(at, at + uploadBytes)))
      }
      on.stream.write(frame('c', new Uint8Array()))
    },
    handleCommandComplete: () => {},
    handleReadyForQuery: () => resolve(),
    handleError: (error: unknown) => reject(error),
  } satisfies Submittable & Record<string, unknown>
  client.query(query)
  return promise
}

/** A message of the frontend: type, length with itself, content. */
function frame(type: 'd' | 'c', content: Uint8Array): Buffer {
  const message = Buffer.alloc(5 + content.length)
  message.write(type, 0, 'latin1')
  message.writeUInt32BE(4 + content.length, 1)
  message.set(content, 5)
  return message
}
