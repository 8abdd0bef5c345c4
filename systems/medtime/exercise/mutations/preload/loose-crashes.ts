/*
 * A crash report may carry keys of its own.
 */
import { rewriteSource } from './source.ts'

rewriteSource('/client/app/wire.ts', 'crashReport = z.strictObject(', 'crashReport = z.looseObject(')
