@echo off
rem Install the project into .venv if need be, and show ten steps of GPT-2's next tokens.
setlocal
cd /d "%~dp0.."
call scripts\setup.cmd
if errorlevel 1 exit /b 1
.venv\Scripts\gpt2-inspect.exe next-tokens "hello,how are you" --steps 10 --top-k 5
exit /b %errorlevel%
