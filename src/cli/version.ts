import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { z } from 'zod'

/** Of Aval itself, whose manifest lies two folders above this file in the repository and in the package alike. */
export function version(): string {
  const manifest = readFileSync(resolve(import.meta.dirname, '../../package.json'), 'utf8')
  return z.looseObject({ version: z.string() }).parse(JSON.parse(manifest)).version
}
