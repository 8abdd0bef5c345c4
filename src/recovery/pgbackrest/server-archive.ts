import { access } from 'node:fs/promises'
import { join } from 'node:path'
import { escapeLiteral } from 'pg'
import { z } from 'zod'
import { failure } from '../../errors.ts'
import { serverAccount } from '../../postgres/account.ts'
import { withClient } from '../../postgres/connection.ts'
import type { Server } from '../../postgres/server.ts'
import { writeOwned } from '../durable.ts'
import type { Stanza } from './stanza.ts'

/** The command by which a server hands over each segment it has filled; in an archive_command `%p` is its path. */
export function archiveCommand(stanza: Stanza): string {
  const quote = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`
  const { program, serverConfig, name } = stanza
  return `${quote(program)} --config=${quote(serverConfig)} --stanza=${name} archive-push %p`
}

const settingsRow = z.object({
  directory: z.string(),
  port: z.coerce.number(),
  mode: z.string(),
  command: z.string(),
  archived: z.boolean(),
})

/**
 * Has a server of this machine hand its WAL to pgBackRest, and makes sure that it arrives. A restored server begins here as well: until then
 * it keeps its WAL to itself.
 * @param options.attached is enough: a server that hands over its WAL is not checked again.
 * @throws ENGINE_NEEDS_FILES, ENGINE_NEEDS_SETTING, ENGINE_TOOL_FAILED such as when the repository holds another cluster.
 */
export async function attachServer(
  stanza: Stanza,
  server: Server,
  { attached = false, signal }: { attached?: boolean; signal?: AbortSignal | undefined } = {},
): Promise<void> {
  const settings = await withClient(server.url(), async (client) => {
    const { rows } = await client.query(
      `SELECT current_setting('data_directory') AS directory, current_setting('port') AS port,
              current_setting('archive_mode') AS mode, current_setting('archive_command') AS command,
              (SELECT last_archived_time IS NOT NULL AND last_failed_time IS NULL FROM pg_stat_archiver) AS archived`,
    )
    return settingsRow.parse(rows[0])
  })
  const here = await access(join(settings.directory, 'PG_VERSION')).then(
    () => true,
    () => false,
  )
  if (!here) throw failure('ENGINE_NEEDS_FILES', { directory: settings.directory })
  if (settings.mode === 'off') throw failure('ENGINE_NEEDS_SETTING', { setting: 'archive_mode', value: 'on' })

  const url = new URL(server.url())
  const user = decodeURIComponent(url.username)
  const password = decodeURIComponent(url.password).replace(/[\\:]/g, '\\$&')
  const command = archiveCommand(stanza)
  await writeOwned(stanza.passwordFile, `*:${settings.port}:*:${user}:${password}\n`, serverAccount())
  await stanza.writeConfig(stanza.serverConfig, { dataDirectory: settings.directory, port: settings.port, user })
  const config = stanza.serverConfig
  // Handed over already under this very configuration, and checked by whoever began it.
  if (attached && settings.command === command && settings.archived) return
  await stanza.run(['stanza-create'], { config, signal })
  if (settings.command !== command) {
    await withClient(server.url(), async (client) => {
      await client.query(`ALTER SYSTEM SET archive_command = ${escapeLiteral(command)}`)
      await client.query('SELECT pg_reload_conf()')
    })
  }
  await stanza.run(['check'], { config, signal })
}
