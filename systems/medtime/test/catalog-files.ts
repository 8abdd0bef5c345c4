import { existsSync } from 'node:fs'
import { join } from 'node:path'

/**
 * The published lists of medicines, which this repository does not hold: MEDTIME_CATALOG_FILES names their folder; without it one
 * beside the repository is tried.
 */
const folder = process.env['MEDTIME_CATALOG_FILES'] ?? join(import.meta.dirname, '../../../../shared/data/catalog')

export function catalogFile(name: string): string {
  return join(folder, name)
}

/** Why a test of these files cannot run here; false when it can. */
export function withoutFiles(...names: string[]): string | false {
  const missing = names.filter((name) => !existsSync(catalogFile(name)))
  return missing.length === 0 ? false : `MEDTIME_CATALOG_FILES names no folder with ${missing.join(', ')}`
}
