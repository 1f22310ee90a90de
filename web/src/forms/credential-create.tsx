import { useMutation } from '@tanstack/react-query'
import { type FormEvent, type ReactNode, useState } from 'react'
import { asProblem, type Problem } from '~/api/problem'
import { FormProblem } from '~/components/problem-view'
import { texts } from '~/i18n/texts'
import { Button } from '~/ui/button'
import { Dialog, DialogFoot } from '~/ui/dialog'
import { Field, Input, Select } from '~/ui/field'

const t = texts('credentials')
const common = texts('common')

export interface Wish {
  name: string
  /** Seconds; 0 for as long as it may. */
  lifeS: number
}

interface Props<T> {
  open: boolean
  onClose: () => void
  title: string
  /** Heads what was made, which is shown this once. */
  madeTitle: (made: T) => string
  madeNote: string
  help: string
  verb: string
  lives: Array<[seconds: number, word: string]>
  firstLifeS: number
  width?: 'sm' | 'md' | 'lg'
  /** Why it can't be made yet, beside a missing name. */
  off?: string | false
  make: (wish: Wish) => Promise<T>
  /** Fields of its own, given what was refused. */
  children?: ReactNode | ((problem: Problem | undefined) => ReactNode)
  /** Which refused fields the children tell of themselves. */
  shows?: (field: string) => boolean
  /** What was made, to be copied now. */
  show: (made: T, close: () => void) => ReactNode
}

/** Asks for a name and a life, makes a credential, and shows it once: an API key, an event consumer. */
export function CredentialDialog<T>({
  open,
  onClose,
  title,
  madeTitle,
  madeNote,
  width = 'sm',
  ...rest
}: Props<T>) {
  const [made, setMade] = useState<T>()
  const close = () => {
    setMade(undefined)
    onClose()
  }
  return (
    <Dialog
      open={open}
      onClose={close}
      // What was made is one line.
      width={made !== undefined && width === 'lg' ? 'sm' : width}
      title={made === undefined ? title : madeTitle(made)}
      note={made === undefined ? undefined : madeNote}
    >
      {open &&
        (made === undefined ? (
          <CredentialForm {...rest} long={width === 'lg'} onMade={setMade} onClose={close} />
        ) : (
          rest.show(made, close)
        ))}
    </Dialog>
  )
}

type FormProps<T> = Pick<
  Props<T>,
  'help' | 'verb' | 'lives' | 'firstLifeS' | 'off' | 'make' | 'children' | 'shows'
> & {
  /** With so much of its own that name and life stand side by side above it. */
  long: boolean
  onMade: (made: T) => void
  onClose: () => void
}

function CredentialForm<T>({
  help,
  verb,
  lives,
  firstLifeS,
  off = false,
  make,
  children,
  shows = () => false,
  long,
  onMade,
  onClose,
}: FormProps<T>) {
  const [name, setName] = useState('')
  const [lifeS, setLifeS] = useState(firstLifeS)
  const making = useMutation({ mutationFn: make, onSuccess: onMade })
  const problem = making.error ? asProblem(making.error) : undefined
  const told = problem && Object.keys(problem.fields).some((field) => field === 'name' || shows(field))
  const wanting = name.trim() === '' ? t('name_needed') : off
  const own = typeof children === 'function' ? children(problem) : children
  return (
    <form
      className="flex flex-col gap-4"
      onSubmit={(event: FormEvent) => {
        event.preventDefault()
        if (wanting === false && !making.isPending) making.mutate({ name: name.trim(), lifeS })
      }}
    >
      <div className={long ? 'grid grid-cols-2 items-start gap-4 max-md:grid-cols-1' : 'contents'}>
        <Field label={t('name')} help={help} error={problem?.fields.name}>
          {(ids) => (
            <Input
              {...ids}
              autoFocus
              maxLength={64}
              value={name}
              onChange={(event) => setName(event.target.value)}
            />
          )}
        </Field>
        {!long && own}
        <Field label={t('works_for')}>
          {(ids) => (
            <Select {...ids} value={lifeS} onChange={(event) => setLifeS(Number(event.target.value))}>
              {lives.map(([seconds, word]) => (
                <option key={seconds} value={seconds}>
                  {word}
                </option>
              ))}
            </Select>
          )}
        </Field>
      </div>
      {long && own}
      {problem && !told && <FormProblem error={problem} />}
      <DialogFoot stuck={long}>
        <Button onClick={onClose}>{common('cancel')}</Button>
        <Button type="submit" look="primary" busy={making.isPending} off={wanting}>
          {verb}
        </Button>
      </DialogFoot>
    </form>
  )
}
