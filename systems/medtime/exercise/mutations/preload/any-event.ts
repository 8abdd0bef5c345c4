/*
 * Any event of use is taken.
 */
import { rewriteSource } from './source.ts'

rewriteSource('/client/app/wire.ts', 'event: z.enum(appEvents)', 'event: z.string()')
