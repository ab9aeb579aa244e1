"""What the shell's ``run``, ``status``, ``rearm`` and ``kill`` do: guards as a service, and talking to it.

``service`` is the process that guards; ``server`` and ``client`` are the two ends of its unix socket, ``wire`` what is said
on it, ``place`` where it is and who may use it; ``fence`` keeps two processes of one host off the same account; ``notify``
speaks to systemd; ``pulse`` knows whether engines run; ``facts`` turns states and reports into JSON; ``killing`` is the
red button from a shell; ``show`` prints; ``commands`` is the face. The guards do the guarding: nothing here keeps a switch
on, and the socket can switch nothing off.
"""
