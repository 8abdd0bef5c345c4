/** A Postgres server, whoever runs it. */
export interface Server {
  major: number
  version: string
  /**
   * URL of a connection. Without options: the superuser (for an external server, whoever its URL names) on its default
   * database.
   */
  url(options?: UrlOptions): string
}

interface UrlOptions {
  user?: string
  password?: string
  database?: string
}

/** A server of this machine whose data directory Aval knows. */
export interface RunningServer extends Server {
  dataDirectory: string
  port: number
  /** The postmaster. */
  pid: number
  /** Folder of the Unix socket, which knows Aval's own account as the superuser. */
  socketDirectory: string
  running(): boolean
}

/** A server this process started, and ends. */
export interface OwnedServer extends RunningServer {
  /** Fast ends sessions and writes a checkpoint; immediate leaves recovery to the next start. Safe to call twice. */
  stop(mode?: 'fast' | 'immediate'): Promise<void>
  /** SIGKILL to the postmaster and every process of the server: what a power cut leaves. */
  kill(): Promise<void>
  /** Resolves when the server has ended, however it did, and what it held (socket, owner's mark) is released. */
  ended: Promise<void>
  /** Resolves once the server has left recovery and takes writes. Its superuser then has the password of `url()`. */
  waitUntilWritable(timeoutMs?: number): Promise<void>
}

/** A URL from its parts; `host` may be the folder of a socket. */
export function serverUrl(parts: {
  user: string
  password?: string
  host: string
  port: number
  database: string
}): string {
  const password = parts.password === undefined ? '' : `:${encodeURIComponent(parts.password)}`
  const host = parts.host.startsWith('/') ? encodeURIComponent(parts.host) : parts.host
  return `postgresql://${encodeURIComponent(parts.user)}${password}@${host}:${parts.port}/${encodeURIComponent(parts.database)}`
}
