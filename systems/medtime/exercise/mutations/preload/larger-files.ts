/*
 * A file may have one byte more.
 */
import { rewriteSource } from './source.ts'

rewriteSource('/services/api/files/wire.ts', 'fileLimit = 5_374_328', 'fileLimit = 5_374_329')
