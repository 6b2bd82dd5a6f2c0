"""What Flask-Security says to people, in our words and so in our catalogues."""

from foodtrace.trace.errors import mark

_WRONG_CODE = mark("This code is wrong, used already or too old. Wait for the next one")

MESSAGES: dict[str, tuple[str, str]] = {
    "GENERIC_AUTHN_FAILED": (mark("The user name or the password is wrong"), "error"),
    "USER_DOES_NOT_EXIST": (mark("The user name or the password is wrong"), "error"),
    "DISABLED_ACCOUNT": (mark("The user name or the password is wrong"), "error"),
    "PASSWORD_NOT_PROVIDED": (mark("Enter the password"), "error"),
    "INVALID_PASSWORD": (mark("The password is wrong"), "error"),
    "RETYPE_PASSWORD_MISMATCH": (mark("The two passwords are not the same"), "error"),
    "PASSWORD_IS_THE_SAME": (mark("The new password is the old one"), "error"),
    "PASSWORD_CHANGE": (
        mark("The password is changed. Everywhere else you are signed out"),
        "success",
    ),
    "REAUTHENTICATION_REQUIRED": (mark("Enter your password once more"), "info"),
    "REAUTHENTICATION_SUCCESSFUL": (mark("Thank you"), "info"),
    "UNAUTHENTICATED": (mark("Sign in to see this page"), "info"),
    "UNAUTHORIZED": (mark("Your role does not allow this"), "error"),
    "INVALID_REDIRECT": (mark("This address is not one of ours"), "error"),
    "TWO_FACTOR_INVALID_TOKEN": (_WRONG_CODE, "error"),
    "TWO_FACTOR_LOGIN_SUCCESSFUL": (mark("You are signed in"), "success"),
    "TWO_FACTOR_CHANGE_METHOD_SUCCESSFUL": (
        mark("From now on, signing in needs a code from your authenticator app"),
        "success",
    ),
    "TWO_FACTOR_DISABLED": (mark("Signing in needs no code any more"), "success"),
    "TWO_FACTOR_SETUP_EXPIRED": (mark("This took too long. Begin again"), "error"),
    "TWO_FACTOR_PERMISSION_DENIED": (mark("Sign in first"), "error"),
    "TWO_FACTOR_METHOD_NOT_AVAILABLE": (mark("Choose one of the two"), "error"),
    "API_ERROR": (mark("This value does not fit"), "error"),
}
