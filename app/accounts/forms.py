"""What a sign-up must say."""

from django import forms
from django.utils.encoding import punycode

from app.accounts.fields import EmailAddress, Text

#: A Django user name is at most this long, and ours is the e-mail address.
NAME_LIMIT = 150


class SignUpForm(forms.Form):
    email = EmailAddress(max_length=NAME_LIMIT)
    name = Text(max_length=NAME_LIMIT, required=False)

    def clean_email(self) -> str:
        """In lower case and ASCII, as mail servers and the unique user name need it."""
        local, _, domain = self.cleaned_data["email"].rpartition("@")
        if '"' in local:
            raise forms.ValidationError("Quoted addresses are not supported.")
        try:
            email = f"{local}@{punycode(domain)}".lower()
        except UnicodeError as error:
            raise forms.ValidationError(f"The domain is not a valid one: {error}.") from error
        if len(email) > NAME_LIMIT:
            raise forms.ValidationError(f"Expected at most {NAME_LIMIT} characters, got {len(email)}.")
        return email
