from django.contrib import admin
from django.contrib.auth import get_user_model
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import User

from app.accounts.models import Letter, SignUp, Token
from switchyard import BoundedAdmin, ReadOnlyAdmin


class PersonAdmin(BoundedAdmin, UserAdmin):  # type: ignore[type-arg]
    """Whoever has many letters, reports or webhooks is not deleted along with them in one request."""


if get_user_model() is User:
    admin.site.unregister(User)
    admin.site.register(User, PersonAdmin)


@admin.register(Token)
class TokenAdmin(ReadOnlyAdmin):
    list_display = ("user", "created_at", "expires_at")
    list_filter = ("expires_at",)
    list_select_related = ("user",)
    search_fields = ("user__username",)
    fields = ("user", "created_at", "expires_at")


@admin.register(SignUp)
class SignUpAdmin(ReadOnlyAdmin):
    list_display = ("address", "created_at")
    search_fields = ("address",)


@admin.register(Letter)
class LetterAdmin(ReadOnlyAdmin):
    list_display = ("name", "user", "created_at", "claimed_at", "done_at")
    list_filter = (("done_at", admin.EmptyFieldListFilter), "created_at")
    list_select_related = ("user",)
    search_fields = ("name", "user__username")
