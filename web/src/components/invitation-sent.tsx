import { Button } from '~/ui/button'
import { DialogFoot } from '~/ui/dialog'
import { visible } from '~/util/visible'

/** Where an invitation went, in the place of a first password. */
export function InvitationSent({ email, onClose }: { email: string; onClose: () => void }) {
  return (
    <>
      <p role="status" className="[overflow-wrap:anywhere]">
        An invitation was sent to <bdi className="font-medium">{visible(email)}</bdi>
      </p>
      <p className="mt-2 text-t2">
        With its link they choose a password, once and within a week. If it does not come, they ask for
        another one by “Forgot your password?” at the sign-in.
      </p>
      <DialogFoot>
        <Button onClick={onClose}>Done</Button>
      </DialogFoot>
    </>
  )
}
