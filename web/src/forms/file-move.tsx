import { type FormEvent, useState } from 'react'
import { FormProblem } from '~/components/problem-view'
import { moveRefusal } from '~/files/clipboard'
import { FolderTree } from '~/files/folder-tree'
import { texts } from '~/i18n/texts'
import { Button } from '~/ui/button'
import { Dialog, DialogFoot } from '~/ui/dialog'
import { Field, Input } from '~/ui/field'
import { nameOf, parent, typedPath } from '~/util/path'
import { visible } from '~/util/visible'

const t = texts('files')
const common = texts('common')

interface Props {
  server: string
  paths: readonly string[]
  /** Copies may stand beside what they are of. */
  what: 'move' | 'copy'
  onClose: () => void
  onMove: (folder: string) => Promise<void>
}

/** Asks where to: by a tree of folders, or by its typed path. */
export function MoveDialog({ open, ...props }: Props & { open: boolean }) {
  const { paths, onClose } = props
  return (
    <Dialog
      open={open}
      onClose={onClose}
      title={t(props.what === 'move' ? 'move.title' : 'copy.title', {
        n: paths.length,
        name: visible(nameOf(paths[0] ?? '')),
      })}
    >
      {open && <MoveForm {...props} />}
    </Dialog>
  )
}

function MoveForm({ server, paths, what, onClose, onMove }: Props) {
  const [typed, setTyped] = useState(parent(paths[0] ?? '/'))
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>()
  const folder = typedPath(typed)
  const refused = folder === undefined ? t('path.bad') : (said(paths, folder, what) ?? false)
  async function submit(event: FormEvent) {
    event.preventDefault()
    if (refused !== false || folder === undefined || busy) return
    setBusy(true)
    setError(undefined)
    try {
      await onMove(folder)
      onClose()
    } catch (thrown) {
      setError(thrown)
      setBusy(false)
    }
  }
  return (
    <form onSubmit={submit} className="flex flex-col gap-4">
      <FolderTree server={server} value={folder ?? '/'} onChange={setTyped} not={paths} />
      <Field label={t('move.path')} error={folder === undefined ? t('path.bad') : undefined}>
        {(ids) => (
          <Input
            {...ids}
            code
            spellCheck={false}
            autoComplete="off"
            autoCapitalize="none"
            value={typed}
            onChange={(event) => setTyped(event.target.value)}
          />
        )}
      </Field>
      <FormProblem error={error} />
      <DialogFoot>
        <Button onClick={onClose}>{common('cancel')}</Button>
        <Button type="submit" look="primary" busy={busy} off={refused}>
          {t(what === 'move' ? 'move.verb' : 'copy.verb')}
        </Button>
      </DialogFoot>
    </form>
  )
}

function said(paths: readonly string[], folder: string, what: Props['what']): string | undefined {
  const refusal = moveRefusal(paths, folder)
  return refusal && (what === 'move' || refusal === 'inside_itself') ? t(`move.${refusal}`) : undefined
}
