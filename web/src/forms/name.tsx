import { type FormEvent, useState } from 'react'
import { FormProblem } from '~/components/problem-view'
import { texts } from '~/i18n/texts'
import { Button } from '~/ui/button'
import { Dialog, DialogFoot } from '~/ui/dialog'
import { Field, Input } from '~/ui/field'
import { badName } from '~/util/path'

const t = texts('files')
const common = texts('common')

interface Props {
  open: boolean
  title: string
  verb: string
  initial: string
  onClose: () => void
  onName: (name: string) => Promise<void>
}

/** Asks for the name of a file or folder. */
export function NameDialog(props: Props) {
  return (
    <Dialog open={props.open} onClose={props.onClose} title={props.title}>
      {props.open && <NameForm {...props} />}
    </Dialog>
  )
}

function NameForm({ verb, initial, onClose, onName }: Props) {
  const [name, setName] = useState(initial)
  const [busy, setBusy] = useState(false)
  const [tried, setTried] = useState(false)
  const [error, setError] = useState<unknown>()
  const bad = badName(name)
  async function submit(event: FormEvent) {
    event.preventDefault()
    setTried(true)
    if (bad || busy) return
    setBusy(true)
    setError(undefined)
    try {
      await onName(name)
      onClose()
    } catch (thrown) {
      setError(thrown)
      setBusy(false)
    }
  }
  return (
    <form onSubmit={submit} className="flex flex-col gap-4">
      <Field label={t('name')} error={tried ? bad : undefined}>
        {(ids) => (
          <Input
            {...ids}
            code
            autoFocus
            spellCheck={false}
            autoComplete="off"
            value={name}
            onChange={(event) => setName(event.target.value)}
          />
        )}
      </Field>
      <FormProblem error={error} />
      <DialogFoot>
        <Button onClick={onClose}>{common('cancel')}</Button>
        <Button type="submit" look="primary" busy={busy}>
          {verb}
        </Button>
      </DialogFoot>
    </form>
  )
}
