import { readFile, realpath } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { failure } from '../errors.ts'
import { processExists } from '../process.ts'
import { withClient } from './connection.ts'
import { type RunningServer, serverUrl } from './server.ts'
import { serverProcesses } from './server-processes.ts'
import { readPassword, superuser } from './superuser.ts'

/**
 * A server that another Aval of this machine runs on a data directory, to work with while it runs.
 * @throws POSTGRES_NOT_RUNNING
 */
export async function attachServer(directory: string): Promise<RunningServer> {
  // Processes and the password beside it know the directory by its own name, not by that of a link to it.
  const dataDirectory = await realpath(directory).catch(() => resolve(directory))
  const running = await serverProcesses(dataDirectory)
  const postmaster = running.find(({ role }) => role === 'postmaster')
  const password = await readPassword(dataDirectory)
  // postmaster.pid: process, directory, start, port, socket folder, address, shared memory, status.
  const text = await readFile(join(dataDirectory, 'postmaster.pid'), 'utf8').catch(() => '')
  const [pid, , , port, socketDirectory = ''] = text.split('\n')
  if (postmaster === undefined || password === undefined || Number(pid) !== postmaster.pid || !Number(port)) {
    throw failure('POSTGRES_NOT_RUNNING', { directory: dataDirectory })
  }
  const at = { host: '127.0.0.1', port: Number(port) }
  const url: RunningServer['url'] = ({ user, password: given, database = 'postgres' } = {}) =>
    user === undefined
      ? serverUrl({ ...at, user: superuser, password, database })
      : serverUrl({ ...at, user, database, ...(given === undefined ? {} : { password: given }) })
  const version = await withClient(url(), async (client) => {
    const { rows } = await client.query<{ server_version: string }>('SHOW server_version')
    return rows[0]?.server_version.split(' ')[0] ?? ''
  })
  return {
    major: Number.parseInt(version, 10),
    version,
    dataDirectory,
    port: at.port,
    pid: postmaster.pid,
    socketDirectory,
    running: () => processExists(postmaster.pid),
    url,
  }
}
