/*
 * The process that reads images may write files.
 */
import { rewriteSource } from './source.ts'

rewriteSource('/services/api/ocr/isolation.ts', "'--permission',", "'--permission', '--allow-fs-write=*',")
