import { Button } from '~/ui/button'
import { CommandBox } from '~/ui/copy'
import { DialogFoot } from '~/ui/dialog'

/** A made-up password, the one time that it is shown. */
export function FirstPassword({
  username,
  password,
  onClose,
}: {
  username: string
  password: string
  onClose: () => void
}) {
  return (
    <>
      <CommandBox text={password} label="Password" primary />
      <p className="mt-2 text-t2">
        Hand it to {username} in a way that nobody else reads. They choose their own when they sign in with
        it.
      </p>
      <DialogFoot>
        <Button onClick={onClose}>I have it</Button>
      </DialogFoot>
    </>
  )
}
