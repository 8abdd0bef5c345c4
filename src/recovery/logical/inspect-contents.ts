import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { failure } from '../../errors.ts'
import { serverEnvironment } from '../../postgres/cluster.ts'
import { runTool } from '../run-tool.ts'
import { findClientTools } from './client-tools.ts'
import { privateFolder } from './private-folder.ts'
import type { InspectContents } from './verify-dumps.ts'

/**
 * Has `pg_restore` read the table of contents of a dump, so that one it cannot read is found before it is needed.
 * @param folder on this machine; the table of contents, which names tables and functions, lies there for a moment.
 */
export function contentsInspector(folder: string): InspectContents {
  return async (dump, database, contents) => {
    const tools = await findClientTools(dump.tools.major)
    await using place = await privateFolder({ folder, expected: contents.length })
    await writeFile(join(place.path, 'toc.dat'), contents, { mode: 0o600 })
    const listed = await runTool({
      program: join(tools.directory, 'pg_restore'),
      args: ['--list', place.path],
      env: serverEnvironment,
    })
    const entries = listed.split('\n').filter((line) => /^\d+; /.test(line)).length
    if (entries === 0) {
      const problem = `the table of contents of ${database} is empty`
      throw failure('OBJECT_DAMAGED', { object: dump.id, problem })
    }
  }
}
