import { embeddedExtensions } from '../check/embedded-extensions.ts'
import { standIns } from '../plan/database.ts'

/** What a repository asks for in extensions, sorted by who can bring it. */
export interface ExtensionNeeds {
  /** Only a superuser makes them, so Aval does before the migrations. */
  byAval: string[]
  /** Of those, the ones that a migration makes as well and would then find there. */
  twice: string[]
  /** Not offered here, and nothing is lost by an empty likeness. */
  standIns: string[]
  /** Not offered here, and what stands in for them would prove nothing. */
  missing: string[]
}

/** Extensions of the embedded Postgres that an owner without superuser may not make. */
const untrusted = new Set([
  ...['amcheck', 'autoinc', 'bloom', 'dblink', 'dict_xsyn', 'earthdistance', 'file_fdw', 'insert_username', 'intagg'],
  ...['moddatetime', 'pageinspect', 'pg_buffercache', 'pg_freespacemap', 'pg_logicalinspect', 'pg_prewarm'],
  ...[
    'pg_stat_statements',
    'pg_surgery',
    'pg_visibility',
    'pg_walinspect',
    'pgrowlocks',
    'pgstattuple',
    'postgres_fdw',
  ],
  ...['refint', 'sslinfo', 'xml2'],
])

export function extensionNeeds(asked: ReadonlyMap<string, { guarded: boolean }>): ExtensionNeeds {
  const needs: ExtensionNeeds = { byAval: [], twice: [], standIns: [], missing: [] }
  for (const [name, { guarded }] of asked) {
    if (!embeddedExtensions.includes(name))
      (standIns.some((each) => each === name) ? needs.standIns : needs.missing).push(name)
    else if (untrusted.has(name)) {
      needs.byAval.push(name)
      if (!guarded) needs.twice.push(name)
    }
  }
  return needs
}
