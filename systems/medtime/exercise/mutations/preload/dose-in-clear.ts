/*
 * An entity may say in clear what dose it is of.
 */
import { rewriteSource } from './source.ts'

rewriteSource(
  '/services/api/sync/wire.ts',
  'const pushEntity = z.strictObject({',
  'const pushEntity = z.strictObject({ dose: z.string().optional(),',
)
